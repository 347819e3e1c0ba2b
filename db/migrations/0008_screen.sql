-- Screens as devices: each paired once by a code that it shows, known from then on by a credential of its own.

create table screen (
  id              integer generated always as identity primary key,
  name            text not null,
  credential_hash bytea unique, -- SHA-256; the credential itself is kept by the screen alone. Null until it was fetched
  settings        jsonb not null,
  created_at      timestamptz not null,
  paired_at       timestamptz,
  revoked_at      timestamptz,
  last_seen_at    timestamptz,
  last_report     jsonb
);

-- A code that stands on a screen now. Each wrong guess counts against all that stand, so that a code lives a few guesses only.
create table screen_pairing (
  secret_hash bytea primary key, -- who knows the secret fetches the credential
  code        text not null unique,
  created_at  timestamptz not null,
  expires_at  timestamptz not null,
  attempts    integer not null default 0,
  screen      integer references screen on delete cascade -- null: nobody has entered it yet
);
