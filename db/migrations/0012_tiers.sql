-- Tiers of roll-ups, each made from the one below: 1 min, 15 min, 1 h, and days of the city's own zone (docs/adr/0015). Values of
-- bad quality never enter an aggregate; how many there were is kept beside it, and how many of the others were uncertain.
--
-- The two that there were are made anew with what they lack. Their policies, and the day tier, follow the configuration: they
-- are laid by settle-tiers.ts after the migrations.

create table tier (
  name        text primary key check (name in ('raw', '1m', '15m', '1h', '1d')),
  relation    text not null unique,
  coarser     text[] not null, -- what is made from it
  zone        text, -- whose midnights cut it
  gone_before timestamptz -- what lay before was dropped: nothing coarser may be worked out from there again
);

insert into tier (name, relation, coarser) values
  ('raw', 'reading', '{reading_1m}'), ('1m', 'reading_1m', '{reading_15m}'), ('15m', 'reading_15m', '{reading_1h,reading_1d}'),
  ('1h', 'reading_1h', '{}'), ('1d', 'reading_1d', '{}');

-- Roll-ups of readings that somebody has dropped cannot be worked out again: they are carried over.
create temporary table kept_1m on commit drop as select * from reading_1m
where bucket < coalesce((select min(range_start) from timescaledb_information.chunks
  where hypertable_schema = 'public' and hypertable_name = 'reading'), 'infinity');
create temporary table kept_1h on commit drop as select * from reading_1h
where bucket < coalesce((select min(c.range_start) from timescaledb_information.chunks c join timescaledb_information.continuous_aggregates a
  on a.materialization_hypertable_schema = c.hypertable_schema and a.materialization_hypertable_name = c.hypertable_name
  where a.view_name = 'reading_1m'), 'infinity');
update tier set gone_before = (select min(range_start) from timescaledb_information.chunks
  where hypertable_schema = 'public' and hypertable_name = 'reading')
where name = 'raw' and exists (select from kept_1m);
update tier set gone_before = (select max(bucket) + interval '1 hour' from kept_1h) where name in ('1m', '15m') and exists (select from kept_1h);

drop view analyst.reading_1m;
drop view analyst.reading_1h;
drop materialized view reading_1h;
drop materialized view reading_1m;

create materialized view reading_1m
with (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.chunk_interval = '1 day') as
select
  point_id,
  time_bucket(interval '1 minute', observed_at) as bucket,
  min(value) filter (where quality < 2) as min,
  max(value) filter (where quality < 2) as max,
  sum(value) filter (where quality < 2) as sum,
  first(value, observed_at) filter (where quality < 2) as first,
  last(value, observed_at) filter (where quality < 2) as last,
  (count(*) filter (where quality < 2))::integer as count,
  (count(*) filter (where quality = 1))::integer as uncertain,
  (count(*) filter (where quality >= 2))::integer as bad
from reading
group by 1, 2
with no data;

create materialized view reading_15m
with (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.chunk_interval = '4 days') as
select
  point_id,
  time_bucket(interval '15 minutes', bucket) as bucket,
  min(min) as min,
  max(max) as max,
  sum(sum) as sum,
  first(first, bucket) filter (where count > 0) as first,
  last(last, bucket) filter (where count > 0) as last,
  sum(count)::integer as count,
  sum(uncertain)::integer as uncertain,
  sum(bad)::integer as bad
from reading_1m
group by 1, time_bucket(interval '15 minutes', bucket)
with no data;

create materialized view reading_1h
with (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.chunk_interval = '14 days') as
select
  point_id,
  time_bucket(interval '1 hour', bucket) as bucket,
  min(min) as min,
  max(max) as max,
  sum(sum) as sum,
  first(first, bucket) filter (where count > 0) as first,
  last(last, bucket) filter (where count > 0) as last,
  sum(count)::integer as count,
  sum(uncertain)::integer as uncertain,
  sum(bad)::integer as bad
from reading_15m
group by 1, time_bucket(interval '1 hour', bucket)
with no data;

do $$
declare
  kept text;
begin
  foreach kept in array array['1m', '1h'] loop
    execute (
      select format('insert into %I.%I (point_id, bucket, min, max, sum, first, last, count, uncertain, bad)
                     select point_id, bucket, min, max, sum, first, last, count, 0, bad from kept_%s',
                    materialization_hypertable_schema, materialization_hypertable_name, kept)
      from timescaledb_information.continuous_aggregates where view_name = 'reading_' || kept);
  end loop;
end $$;

-- A tier's rows of a point lie together, as those of the readings do.
alter materialized view reading_1m set (timescaledb.enable_columnstore = true, timescaledb.segmentby = 'point_id', timescaledb.orderby = 'bucket');
alter materialized view reading_15m set (timescaledb.enable_columnstore = true, timescaledb.segmentby = 'point_id', timescaledb.orderby = 'bucket');
alter materialized view reading_1h set (timescaledb.enable_columnstore = true, timescaledb.segmentby = 'point_id', timescaledb.orderby = 'bucket');

-- Drops what a tier holds beyond its days, chunk by chunk: what coarser tiers still lack of a chunk is worked out before it goes.
-- TimescaleDB's own retention policy drops whatever has been refreshed of it, and marks the span as changed: the next refresh that
-- reached there would empty the coarser tiers. So `gone_before` is written down first, and no refresh of ours goes beyond it.
create procedure retire(job_id integer, config jsonb) language plpgsql as $$
declare
  own tier;
  starts timestamptz[];
  ends timestamptz[];
  since timestamptz;
  view text;
begin
  select * into own from tier where relation = config ->> 'relation';
  select array_agg(c.range_start order by c.range_start), array_agg(c.range_end order by c.range_start) into starts, ends
  from timescaledb_information.chunks c
  left join timescaledb_information.continuous_aggregates a
    on a.materialization_hypertable_schema = c.hypertable_schema and a.materialization_hypertable_name = c.hypertable_name
  where coalesce(a.view_name, case when c.hypertable_schema = 'public' then c.hypertable_name end) = own.relation
    and c.range_end <= date_trunc('day', now(), 'UTC') - (config ->> 'keep_days')::integer * interval '24 hours';
  for i in 1 .. coalesce(cardinality(starts), 0) loop
    since := greatest(starts[i], own.gone_before);
    if since < ends[i] then
      foreach view in array own.coarser loop
        -- A day of the city's does not end where chunks do: the one that is cut is worked out while it is whole.
        call refresh_continuous_aggregate(view::regclass, since, ends[i] + case view when 'reading_1d' then interval '48 hours' else interval '0' end);
      end loop;
      update tier set gone_before = ends[i] where name = own.name;
      own.gone_before := ends[i];
    end if;
    commit;
    perform drop_chunks(own.relation::regclass, older_than => ends[i]);
    commit;
  end loop;
end $$;

-- The city by metric and district, by the hour, for questions over all points of a metric. A continuous aggregate would not notice
-- a station that moves, so this is a table, and what is in it between `since` and `until` is what the hourly roll-up says.
create table district_1h (
  metric    text not null references metric,
  district  text not null, -- '': of no district
  bucket    timestamptz not null,
  min       double precision,
  max       double precision,
  sum       double precision,
  count     integer not null,
  uncertain integer not null,
  bad       integer not null,
  primary key (metric, district, bucket)
);

select create_hypertable('district_1h', by_range('bucket', interval '30 days'), create_default_indexes => false);
alter table district_1h set (timescaledb.enable_columnstore = true, timescaledb.segmentby = 'metric, district', timescaledb.orderby = 'bucket');
call add_columnstore_policy('district_1h', after => interval '60 days');

create table district_tier (
  alone boolean primary key default true check (alone),
  since timestamptz,
  until timestamptz,
  check ((since is null) = (until is null) and since <= until)
);
insert into district_tier default values;

-- Works full hours out again, and takes them in where they join what is there.
create function work_out_districts(a timestamptz, b timestamptz) returns void language plpgsql as $$
declare
  own district_tier;
begin
  if a >= b then return; end if;
  -- One at a time: who moves a station waits here too.
  select * into own from district_tier for update;
  delete from district_1h where bucket >= a and bucket < b;
  insert into district_1h (metric, district, bucket, min, max, sum, count, uncertain, bad)
  select p.metric, coalesce(s.district, ''), h.bucket, min(h.min), max(h.max), sum(h.sum), sum(h.count), sum(h.uncertain), sum(h.bad)
  from reading_1h h join point p on p.id = h.point_id join station s on s.id = p.station_id
  where h.bucket >= a and h.bucket < b and s.origin is null
  group by 1, 2, 3;
  update district_tier set since = least(own.since, a), until = greatest(own.until, b)
  where own.since is null or (a <= own.until and b >= own.since);
end $$;

-- The newest full hours, then what is still missing of the past, newest first. Rows that came within ten minutes of their time but
-- were stored later, after the database had been away, are on no list: of the newest hours what is there is compared with what
-- should be. Readings are never changed, so an hour that has as many is the same.
create procedure roll_up_districts(job_id integer, config jsonb) language plpgsql as $$
declare
  own district_tier;
  -- What comes later than ten minutes is on the list of dirty hours.
  full_to timestamptz := date_trunc('hour', now() - interval '10 minutes', 'UTC');
  checked_from timestamptz;
  oldest timestamptz;
  changed timestamptz;
begin
  select min(c.range_start) into oldest from timescaledb_information.chunks c join timescaledb_information.continuous_aggregates a
    on a.materialization_hypertable_schema = c.hypertable_schema and a.materialization_hypertable_name = c.hypertable_name
  where a.view_name = 'reading_1h';
  if oldest is null then return; end if;
  select * into own from district_tier;
  perform work_out_districts(coalesce(own.until, full_to - interval '1 hour'), full_to);
  commit;
  -- As far back as this job has been away, and some hours more.
  checked_from := greatest(own.since, coalesce(own.until, full_to) - interval '6 hours');
  for changed in
    select coalesce(h.bucket, d.bucket) from (
      select bucket, sum(r.count + r.bad) as n from reading_1h r join point p on p.id = r.point_id join station s on s.id = p.station_id
      where bucket >= checked_from and bucket < own.until and s.origin is null group by 1
    ) h full join (
      select bucket, sum(count + bad) as n from district_1h where bucket >= checked_from and bucket < own.until group by 1
    ) d using (bucket)
    where h.n is distinct from d.n
  loop
    perform work_out_districts(changed, changed + interval '1 hour');
  end loop;
  commit;
  for day in 1 .. (config ->> 'days')::integer loop
    select * into own from district_tier;
    exit when own.since is null or own.since <= oldest;
    perform work_out_districts(greatest(oldest, own.since - interval '24 hours'), own.since);
    commit;
  end loop;
end $$;

-- Not at once: at a first start the past comes in meanwhile, and an import works its own hours out.
select add_job('roll_up_districts', interval '10 minutes', config => '{"days": 7}', initial_start => now() + interval '10 minutes');

create function begin_districts_anew() returns trigger language plpgsql as $$
begin
  update district_tier set since = null, until = null;
  return null;
end $$;
create trigger station_moves after update of district, origin on station for each row
  when (old.district is distinct from new.district or old.origin is distinct from new.origin) execute function begin_districts_anew();

-- As far as it is worked out; the hourly roll-up has the rest.
create view analyst.district_1h as
select
  r.bucket, r.metric, r.district, a.name as district_name, r.min, r.sum / nullif(r.count, 0) as mean, r.max, r.count, r.bad, m.unit,
  m.name_zh as metric_zh, m.name_en as metric_en, m.domain, r.sum, r.uncertain
from district_1h r
join district_tier t on r.bucket >= t.since and r.bucket < t.until
join metric m on m.code = r.metric
left join district a on a.adcode = r.district;
