-- Alarms after ISA-18.2: rules as versioned data, occurrences with their log, and what hides them.

-- A change of a rule is a new version; alarms name the one that made them. Seeded from the contract's default rules.
create table alarm_rule (
  code       text not null check (code ~ '^[a-z0-9_.]{1,64}$'),
  version    integer not null check (version > 0),
  definition jsonb not null,
  active     boolean not null,
  since      timestamptz not null default now(),
  by         text not null default 'yiping',
  note       text,
  primary key (code, version)
);

create unique index alarm_rule_active on alarm_rule (code) where active;

-- One row an occurrence. Its id is made of rule, subject and time, so that the same one is never there twice.
create table alarm (
  id           text primary key,
  rule         text not null,
  rule_version integer not null,
  kind         text not null,
  subject      text not null, -- station:metric, station:CODE, gateway:CODE, area:…, platform:…
  domain       text references domain, -- null: the platform itself, or a gateway of several
  district     text references district,
  station      text,
  metric       text,
  point_id     integer,
  severity     smallint not null check (severity between 1 and 4),
  worst        smallint not null check (worst between 1 and 4),
  active_at    timestamptz not null, -- by the readings' own time
  returned_at  timestamptz,
  rang_at      timestamptz, -- when people were first to be told; null: not yet
  ack_at       timestamptz,
  ack_by       text,
  reset_at     timestamptz,
  reset_by     text,
  latches      boolean not null default false,
  quiet        boolean not null default false,
  superseded   boolean not null default false,
  suppressed_by text,
  value        double precision, -- that activated it or made it worse
  limit_value  double precision,
  extreme      double precision, -- the furthest beyond it so far
  unit         text,
  cause        text references alarm, -- the alarm that explains this one
  members      integer not null default 0 check (members >= 0), -- stations or points that it speaks for
  assigned_to  text,
  escalation   smallint not null default 0,
  recurrences  integer not null default 0, -- how many occurrences before it took its place one after another
  changed_at   timestamptz not null default now(),
  check (returned_at is null or returned_at >= active_at),
  state text not null generated always as (
    case
      when superseded then 'normal'
      when returned_at is null then case when ack_at is null then 'unacked_active' else 'acked_active' end
      when ack_at is null and not quiet then 'returned_unacked'
      when latches and not quiet and reset_at is null then 'latched'
      else 'normal'
    end) stored
);

-- Never two active ones of a rule and subject.
create unique index alarm_active on alarm (rule, subject) where returned_at is null and not superseded;
create index alarm_open on alarm (severity, active_at) where state <> 'normal';
create index alarm_open_of on alarm (rule, subject) where state <> 'normal'; -- a new occurrence takes the place of the one before
create index alarm_time on alarm (active_at desc, id);
create index alarm_subject on alarm (subject, active_at desc);
create index alarm_cause on alarm (cause) where cause is not null;

create table alarm_event (
  id       bigint generated always as identity primary key,
  alarm    text not null references alarm,
  at       timestamptz not null,
  kind     text not null check (kind in (
    'activated', 'escalated', 'lowered', 'returned', 'rang', 'superseded', 'acked', 'reset', 'commented', 'assigned', 'passed_up',
    'shelved', 'unshelved', 'suppressed', 'released', 'out_of_service', 'in_service')),
  severity smallint check (severity between 1 and 4),
  value    double precision,
  ring     boolean not null default false, -- people are to be told, unless it is hidden at that moment
  by       text, -- null: the engine
  note     text,
  logged_at timestamptz not null default now() -- by the clock of the database: when people could know of it
);

create index alarm_event_alarm on alarm_event (alarm, id);
create index alarm_event_at on alarm_event (at);

-- What the engine knows of a rule and subject that are not calm: runs of readings, the level that counts, its occurrence.
-- Written in the transaction of the readings that it follows from.
create table alarm_condition (
  rule    text not null,
  subject text not null,
  state   jsonb not null,
  primary key (rule, subject)
);

-- Put aside by an operator, for at most eight hours.
create table alarm_shelf (
  rule    text not null,
  subject text not null,
  until   timestamptz not null,
  reason  text not null check (reason <> ''),
  by      text not null,
  at      timestamptz not null default now(),
  primary key (rule, subject),
  check (until > at and until <= at + interval '8 hours')
);

-- Taken out of service, by a work order, until somebody puts it back. Rule '*': all rules of the subject.
create table alarm_out_of_service (
  rule    text not null,
  subject text not null,
  reason  text not null check (reason <> ''),
  by      text not null,
  at      timestamptz not null default now(),
  primary key (rule, subject)
);

-- A point's own normal: median of the hour of the week (0 = Monday 00–01 of the city's zone) and how far normal readings lie from it.
create table alarm_normal (
  point_id integer not null,
  hour     smallint not null check (hour between 0 and 167),
  median   double precision not null,
  spread   double precision not null,
  samples  integer not null,
  primary key (point_id, hour)
);
