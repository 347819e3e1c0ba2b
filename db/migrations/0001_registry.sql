-- The registry: what exists and what it measures. Rows of domain, metric, threshold and station_kind are written by
-- `npm run db -- seed` from the contract's catalogue, so that SQL users read the same facts as the programs.

create extension if not exists timescaledb;

create table domain (
  code     text primary key,
  name_zh  text not null,
  name_en  text not null,
  position smallint not null
);

create table metric (
  code             text primary key,
  domain           text not null references domain,
  name_zh          text not null,
  name_en          text not null,
  unit             text not null, -- UCUM
  kind             text not null check (kind in ('gauge', 'counter', 'state', 'event')),
  roll_up          text not null check (roll_up in ('mean', 'delta', 'last', 'sum')),
  decimals         smallint not null,
  physical_min     double precision not null, -- outside it a reading is impossible and refused
  physical_max     double precision not null,
  typical_min      double precision,
  typical_max      double precision,
  interval_s       real not null,
  alarm_interval_s real,
  derived_from     text references metric,
  states           jsonb,
  source           text not null,
  evidence         char(1) not null check (evidence in ('S', 'M', 'J')),
  source_verified  boolean not null,
  check (physical_min < physical_max)
);

create table threshold (
  metric          text not null references metric,
  scope           text not null default 'city',
  position        smallint not null,
  severity        smallint not null check (severity between 1 and 4), -- 1 red, worst
  basis           text not null check (basis in ('absolute', 'set_point', 'design', 'baseline', 'curve', 'condition')),
  op              text check (op in ('<', '<=', '>', '>=', 'outside')),
  value           double precision,
  unit            text not null,
  condition_zh    text,
  condition_en    text,
  hold_samples    smallint not null,
  deadband        real not null,
  source          text not null,
  evidence        char(1) not null check (evidence in ('S', 'M', 'J')),
  source_verified boolean not null,
  primary key (metric, scope, position),
  check ((basis = 'condition') = (op is null))
);

create table station_kind (
  code    text primary key,
  domain  text references domain,
  name_zh text not null,
  name_en text not null
);

create table district (
  adcode     text primary key,
  parent     text references district,
  level      text not null check (level in ('city', 'district', 'street', 'community', 'grid')),
  name       text not null,
  name_en    text not null,
  center_lon double precision not null, -- WGS 84
  center_lat double precision not null,
  boundary   jsonb -- GeoJSON geometry, WGS 84
);

create table station (
  id          integer generated always as identity primary key,
  code        text not null unique check (code ~ '^[A-Za-z0-9_.-]{1,64}$'),
  name        text not null,
  kind        text not null references station_kind,
  domain      text not null references domain,
  district    text references district,
  lon         double precision,
  lat         double precision,
  gateway     text,
  origin      text, -- where replayed data comes from; null: a station of this city
  maintenance boolean not null default false,
  created_at  timestamptz not null default now()
);

create table point (
  id         integer generated always as identity primary key,
  station_id integer not null references station,
  metric     text not null references metric,
  interval_s real, -- null: the metric's own
  unique (station_id, metric)
);
