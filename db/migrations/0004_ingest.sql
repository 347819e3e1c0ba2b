-- Ingest that cannot lose a reading: progress of its spool, conflicts, the waiting list, late data, leases.

-- Up to where a stream of a spool is in the database. It moves in the statement that stores, so that a statement whose
-- answer was lost does nothing when it comes again.
create table spool_progress (
  stream text primary key,
  seq    bigint not null,
  at     timestamptz not null default now()
);

-- A second value for an identity that has one. The first stays in `reading`, or in `waiting_reading` for a point that
-- nobody has registered: then station and metric say whose it is.
create table reading_conflict (
  id          bigint generated always as identity,
  point_id    integer,
  station     text,
  metric      text,
  observed_at timestamptz not null,
  received_at timestamptz not null,
  value       double precision not null,
  quality     smallint not null,
  source      text not null,
  check ((point_id is null) <> (station is null) and (station is null) = (metric is null))
);

select create_hypertable('reading_conflict', by_range('received_at', interval '7 days'));

create index reading_conflict_id on reading_conflict (id desc);

-- Of the refused readings of that row, how many are held until their station or point is registered.
alter table rejection add column held integer not null default 0 check (held between 0 and readings);

-- Stations and metrics that send without being registered.
create table waiting_point (
  station    text not null,
  metric     text not null,
  domain     text, -- as the topic says; null from a gateway
  first_seen timestamptz not null,
  last_seen  timestamptz not null,
  times      bigint not null,
  sample     text not null, -- the newest value as it came
  primary key (station, metric)
);

-- Their readings, until somebody registers them.
create table waiting_reading (
  station     text not null,
  metric      text not null,
  observed_at timestamptz not null,
  received_at timestamptz not null,
  value       double precision not null,
  quality     smallint not null,
  source      text not null,
  primary key (station, metric, observed_at)
);

-- Minutes (bits 0 to 59 of the hour) that got readings after their roll-ups may have been worked out.
create table dirty_range (
  point_id integer not null,
  hour     timestamptz not null,
  minutes  bigint not null,
  rows     integer not null,
  corrects integer not null, -- of them, those of points that had been heard before: somebody may have seen it otherwise
  since    timestamptz not null default now(),
  taken    integer, -- rows at the start of the repair that runs
  primary key (point_id, hour)
);

create index dirty_range_hour on dirty_range (hour);

-- Hours that were repaired since (已订正), when last, and how many late readings came in all.
create table correction (
  point_id integer not null,
  hour     timestamptz not null,
  at       timestamptz not null,
  rows     integer not null,
  primary key (point_id, hour)
);

-- Who does what only one process may do. By the clock of the database; correctness never rests on it alone.
create table ingest_lease (
  name       text primary key,
  holder     text not null,
  expires_at timestamptz not null
);

-- What is said of a station's link by its own protocol (Sparkplug births and deaths); none for stations without.
create table station_link (
  station text primary key,
  online  boolean not null,
  since   timestamptz not null
);

-- What a process must know to read on where another one of its shard was killed (Sparkplug's births).
create table ingest_state (
  name  text primary key,
  state text not null,
  at    timestamptz not null default now()
);

-- Why a good reading was stored as uncertain: what the automatic checks of the catalogue found.
create table quality_mark (
  point_id    integer not null,
  observed_at timestamptz not null,
  mark        text not null check (mark in ('range', 'step', 'flat', 'skew'))
);

select create_hypertable('quality_mark', by_range('observed_at', interval '7 days'));

create unique index quality_mark_identity on quality_mark (point_id, observed_at);
