-- Who may come in, and what was done by whom.

create table account (
  id            integer generated always as identity primary key,
  username      text not null,
  name          text not null,
  roles         text[] not null check (cardinality(roles) > 0),
  districts     text[], -- adcodes that the account sees the stations of; null: the whole city
  domains       text[], -- utilities that it may act in; null: all
  password_hash text,   -- argon2id; null: comes in by a link or by single sign-on only
  oidc_subject  text unique,
  created_at    timestamptz not null,
  disabled_at   timestamptz
);
create unique index account_username on account (lower(username));

-- Of sessions, tokens and links only the SHA-256 is kept: who reads this table can be nobody by it.
create table session (
  id         integer generated always as identity primary key,
  token_hash bytea not null unique,
  account    integer not null references account on delete cascade,
  created_at timestamptz not null,
  seen_at    timestamptz not null,
  expires_at timestamptz not null,
  address    text not null,
  agent      text not null
);
create index session_account on session (account);

create table api_token (
  id         integer generated always as identity primary key,
  token_hash bytea not null unique,
  account    integer not null references account on delete cascade,
  name       text not null,
  scopes     text[] not null,
  created_at timestamptz not null,
  expires_at timestamptz, -- null: until it is revoked
  used_at    timestamptz
);
create index api_token_account on api_token (account);

create table sign_in_link (
  token_hash bytea primary key,
  account    integer not null references account on delete cascade,
  expires_at timestamptz not null
);
create index sign_in_link_account on sign_in_link (account);

-- No reference to the account: what was done stays when who did it is gone.
create table audit (
  id      bigint generated always as identity primary key,
  at      timestamptz not null,
  actor   text not null,
  account integer,
  via     text not null check (via in ('session', 'token', 'screen', 'nobody')),
  address text,
  action  text not null,
  target  text,
  outcome text not null,
  before  jsonb,
  after   jsonb
);
create index audit_actor on audit (actor, id desc);
create index audit_action on audit (action, id desc);

create function refuse_audit_change() returns trigger language plpgsql as $$
begin
  raise exception 'the audit log is only added to' using errcode = 'insufficient_privilege';
end $$;
create trigger audit_append_only before update or delete or truncate on audit for each statement execute function refuse_audit_change();
