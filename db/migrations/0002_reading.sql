-- Readings. No foreign key on the hypertable: it costs a third of the rows per second, and ingest resolves points
-- from the registry before it stores.

create table reading (
  point_id    integer not null,
  observed_at timestamptz not null, -- the device's clock
  received_at timestamptz not null, -- ours
  value       double precision not null,
  quality     smallint not null -- 0 good, 1 uncertain, 2 bad
);

select create_hypertable('reading', by_range('observed_at', interval '1 day'));

create unique index reading_identity on reading (point_id, observed_at);

alter table reading set (
  timescaledb.enable_columnstore = true,
  timescaledb.segmentby = 'point_id',
  timescaledb.orderby = 'observed_at'
);

call add_columnstore_policy('reading', after => interval '3 days');

-- One row a point, upserted all the time: room in each page keeps the updates inside it.
create table latest (
  point_id    integer primary key,
  observed_at timestamptz not null,
  received_at timestamptz not null,
  value       double precision not null,
  quality     smallint not null
) with (fillfactor = 50);

-- What could not be stored: one row per message and reason, `readings` says how many of its values it covers.
create table rejection (
  id       bigint generated always as identity,
  at       timestamptz not null,
  source   text not null,
  topic    text not null,
  reason   text not null check (reason in (
    'topic_unknown', 'payload_malformed', 'payload_too_large', 'station_unknown', 'metric_unknown',
    'value_not_finite', 'value_out_of_range', 'ts_invalid', 'ts_future', 'ts_too_old')),
  detail   text,
  readings integer not null check (readings > 0),
  payload  bytea not null check (octet_length(payload) <= 4096)
);

select create_hypertable('rejection', by_range('at', interval '7 days'));

create index rejection_id on rejection (id desc);

-- The account: every reading that was received has exactly one outcome.
create table ingest_balance (
  minute    timestamptz not null,
  source    text not null,
  received  bigint not null default 0,
  stored    bigint not null default 0,
  duplicate bigint not null default 0,
  conflict  bigint not null default 0,
  rejected  bigint not null default 0,
  waiting   bigint not null default 0,
  closes    boolean generated always as (received = stored + duplicate + conflict + rejected + waiting) stored,
  primary key (minute, source)
);
