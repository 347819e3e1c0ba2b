-- Who is told of alarms that ring: routes, the duty roster, and what was sent.

create table notice_route (
  id         integer generated always as identity primary key,
  name       text not null unique,
  channel    text not null check (channel in ('webhook', 'email')),
  target     text not null,
  secret     text, -- signs a webhook's bodies
  domains    text[] not null default '{}', -- empty lists let everything through
  districts  text[] not null default '{}',
  severities smallint[] not null default '{}',
  escalation smallint not null default 0,
  active     boolean not null default true,
  created_at timestamptz not null default now()
);

create table duty_shift (
  id        integer generated always as identity primary key,
  person    text not null,
  email     text not null,
  domains   text[] not null default '{}',
  starts_at timestamptz not null,
  ends_at   timestamptz not null,
  check (ends_at > starts_at)
);

create index duty_shift_time on duty_shift (starts_at, ends_at);

-- What has been looked through for somebody to be told. A mark a row and no number up to which: transactions end in another order
-- than their rows are numbered.
alter table alarm_event add column noticed boolean not null default false;

create index alarm_event_to_notice on alarm_event (id) where (ring or kind = 'passed_up') and not noticed;

-- One message: of one alarm, or of several that came thick and fast.
create table notice (
  id         bigint generated always as identity primary key,
  route      integer not null references notice_route on delete cascade,
  created_at timestamptz not null default now(),
  state      text not null default 'pending' check (state in ('pending', 'sent', 'failed')),
  attempts   integer not null default 0,
  next_at    timestamptz not null default now(),
  sent_at    timestamptz,
  error      text
);

create index notice_pending on notice (next_at) where state = 'pending';
create index notice_route_time on notice (route, created_at desc);

-- What a route has to tell: each event once.
create table notice_item (
  route  integer not null references notice_route on delete cascade,
  event  bigint not null references alarm_event,
  alarm  text not null references alarm,
  at     timestamptz not null default now(),
  notice bigint references notice on delete cascade, -- null: waits for its message
  primary key (route, event)
);

create index notice_item_waits on notice_item (route) where notice is null;
create index notice_item_notice on notice_item (notice);
