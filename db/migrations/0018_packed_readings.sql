-- A reading in fewer bytes (docs/adr/0026): its value as a whole number of the sensor's own steps, value = digits / per, and its time of
-- arrival as tenths of a second after observed_at. The columnstore packs whole numbers by their differences and doubles by XOR
-- alone, and a sensor's values are nearly all decimals of a few digits. A value that is none stays in `value`, a time that lies
-- farther away in `received_at`. Both forms may stand side by side; `plain_reading` tells either as what was sent.

alter table reading add column digits bigint, add column per integer, add column delay integer;
alter table reading alter column value drop not null;
alter table reading alter column received_at drop not null;

create view plain_reading as
select
  point_id, observed_at,
  coalesce(received_at, observed_at + delay * interval '0.1 seconds') as received_at,
  coalesce(value, digits::double precision / per) as value,
  quality
from reading;

create or replace view analyst.reading as
select
  r.observed_at, s.code as station, p.metric, r.value, m.unit,
  case r.quality when 0 then 'good' when 1 then 'uncertain' else 'bad' end as quality,
  r.received_at, s.name as station_name, m.name_zh as metric_zh, m.name_en as metric_en,
  s.domain, s.district, a.name as district_name, s.origin, r.point_id
from plain_reading r
join point p on p.id = r.point_id
join station s on s.id = p.station_id
join metric m on m.code = p.metric
left join district a on a.adcode = s.district;

-- Whether readings are written so. In a database that has readings they are not until `npm run db -- pack-readings` is run: processes of
-- the version before, which may still read it, know one form alone, and so do the roll-ups that stand.
create table reading_form (
  alone  boolean primary key default true check (alone),
  packed boolean not null
);
insert into reading_form (packed)
select not exists (select from reading) and not exists (select from tier where gone_before is not null);

-- What reading_1m makes of a reading, for a view of TimescaleDB's that stands above `reading`: where it says `value` alone it is laid anew.
-- That takes the right to create in their schema, which a superuser has; in an empty database they are made anew below.
create function let_minutes_read_packed() returns void language plpgsql as $$
declare
  own _timescaledb_catalog.continuous_agg;
  made text := $select$
    select point_id, time_bucket(interval '1 minute', observed_at) as bucket,
      min(coalesce(value, digits::double precision / per)) filter (where quality < 2) as min,
      max(coalesce(value, digits::double precision / per)) filter (where quality < 2) as max,
      sum(coalesce(value, digits::double precision / per)) filter (where quality < 2) as sum,
      first(coalesce(value, digits::double precision / per), observed_at) filter (where quality < 2) as first,
      last(coalesce(value, digits::double precision / per), observed_at) filter (where quality < 2) as last,
      (count(*) filter (where quality < 2))::integer as count,
      (count(*) filter (where quality = 1))::integer as uncertain,
      (count(*) filter (where quality >= 2))::integer as bad
    from public.reading %s
    group by 1, 2$select$;
begin
  select * into strict own from _timescaledb_catalog.continuous_agg where user_view_schema = 'public' and user_view_name = 'reading_1m';
  if pg_get_viewdef('public.reading_1m'::regclass) like '%digits%' then return; end if;
  execute format('create or replace view %I.%I as ', own.partial_view_schema, own.partial_view_name) || format(made, '');
  execute format('create or replace view %I.%I as ', own.direct_view_schema, own.direct_view_name) || format(made, '');
  execute (
    select format(
      'create or replace view public.reading_1m as
       select point_id, bucket, min, max, sum, first, last, count, uncertain, bad from %I.%I
       where bucket < coalesce(_timescaledb_functions.to_timestamp(_timescaledb_functions.cagg_watermark(%s)), ''-infinity''::timestamptz)
       union all ', h.schema_name, h.table_name, h.id)
      || format(made, format('where observed_at >= coalesce(_timescaledb_functions.to_timestamp(_timescaledb_functions.cagg_watermark(%s)), ''-infinity''::timestamptz)', h.id))
    from _timescaledb_catalog.hypertable h where h.id = own.mat_hypertable_id
  );
  perform say_watermark_once('reading_1m');
end $$;

-- What a roll-up has not worked out yet is read from its source, from its watermark on. TimescaleDB puts that into a SELECT as a constant, but
-- leaves it a function in a refresh of the tier above, where a scan without an exact index asks it for every row: 10 µs each, 12 s for a million.
-- Said once more as a subquery it is known once, and the function is asked only for rows behind it.
create function say_watermark_once(view text) returns void language plpgsql as $$
declare
  stands text := pg_get_viewdef(format('public.%I', view)::regclass);
  made text;
begin
  made := regexp_replace(stands,
    'WHERE \((\S+ >= )(COALESCE\(_timescaledb_functions\.to_timestamp\(_timescaledb_functions\.cagg_watermark\((\d+)\)\), ''-infinity''::timestamp with time zone\))\)',
    'WHERE \1coalesce((select _timescaledb_functions.to_timestamp(w.watermark) from _timescaledb_catalog.continuous_aggs_watermark w where w.mat_hypertable_id = \3), ''-infinity'') and \1\2');
  if made <> stands then execute format('create or replace view public.%I as ', view) || made; end if;
end $$;

do $$
declare
  tier text;
  relation text;
  finer text;
begin
  if not (select packed from reading_form) then return; end if;
  -- side by side: nothing is in them, and who reads them meanwhile waits for this transaction.
  foreach tier in array array['1d', '1h', '15m', '1m'] loop
    execute format('drop view if exists analyst.reading_%s', tier);
    execute format('drop materialized view if exists reading_%s', tier);
  end loop;
  update public.tier set zone = null where name = '1d';

  create materialized view reading_1m
  with (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.chunk_interval = '1 day') as
  select
    point_id,
    time_bucket(interval '1 minute', observed_at) as bucket,
    min(coalesce(value, digits::double precision / per)) filter (where quality < 2) as min,
    max(coalesce(value, digits::double precision / per)) filter (where quality < 2) as max,
    sum(coalesce(value, digits::double precision / per)) filter (where quality < 2) as sum,
    first(coalesce(value, digits::double precision / per), observed_at) filter (where quality < 2) as first,
    last(coalesce(value, digits::double precision / per), observed_at) filter (where quality < 2) as last,
    (count(*) filter (where quality < 2))::integer as count,
    (count(*) filter (where quality = 1))::integer as uncertain,
    (count(*) filter (where quality >= 2))::integer as bad
  from reading
  group by 1, 2
  with no data;

  finer := 'reading_1m';
  foreach tier in array array['15m', '1h'] loop
    relation := 'reading_' || tier;
    execute format(
      'create materialized view %1$I
       with (timescaledb.continuous, timescaledb.materialized_only = false, timescaledb.chunk_interval = %2$L) as
       select
         point_id, time_bucket(interval %3$L, bucket) as bucket,
         min(min) as min, max(max) as max, sum(sum) as sum,
         first(first, bucket) filter (where count > 0) as first, last(last, bucket) filter (where count > 0) as last,
         sum(count)::integer as count, sum(uncertain)::integer as uncertain, sum(bad)::integer as bad
       from %4$I group by 1, time_bucket(interval %3$L, bucket)
       with no data',
      relation, case tier when '15m' then '4 days' else '14 days' end, case tier when '15m' then '15 minutes' else '1 hour' end, finer);
    finer := relation;
  end loop;
  foreach tier in array array['1m', '15m', '1h'] loop
    execute format(
      'alter materialized view reading_%s set (timescaledb.enable_columnstore = true, timescaledb.segmentby = ''point_id'', timescaledb.orderby = ''bucket'')', tier);
  end loop;
end $$;

select say_watermark_once('reading_' || tier) from unnest(array['1m', '15m', '1h', '1d']) tier where to_regclass('public.reading_' || tier) is not null;
