-- Whole days of the city by metric and district, packed: to read thirty days of four metrics out of district_1h is to read, send and take
-- apart 35,000 rows, of which there are 1,500 here (docs/adr/0024). Of UTC, since hours are. There is every whole day between `since` and
-- `until` of district_tier; who changes hours of one writes it anew.
create table district_day (
  metric   text not null references metric,
  day      date not null,
  district text not null, -- '': of no district
  hours    bytea not null, -- of each hour with values: timestamptz, min, max and sum as float8, count as int4, in binary
  primary key (metric, day, district)
);
-- Doubles hardly become less.
alter table district_day alter column hours set storage external;

-- What a day is packed of, and what a question takes besides.
create function packed_hour(bucket timestamptz, min double precision, max double precision, sum double precision, count integer) returns bytea
  language sql immutable parallel safe as
  $$ select timestamptz_send(bucket) || float8send(min) || float8send(max) || float8send(sum) || int4send(count) $$;

-- The first midnight of UTC from a moment on.
create function midnight_from(at timestamptz) returns timestamptz language sql immutable parallel safe as
  $$ select date_trunc('day', at + interval '1 day' - interval '1 microsecond', 'UTC') $$;

-- Every whole day that a span has a part in, as far as the table is worked out.
create function pack_district_days(a timestamptz, b timestamptz) returns void language plpgsql as $$
declare
  own district_tier;
  first timestamptz;
  last timestamptz;
begin
  select * into own from district_tier;
  first := greatest(date_trunc('day', a, 'UTC'), midnight_from(own.since));
  last := least(midnight_from(b), date_trunc('day', own.until, 'UTC'));
  if own.since is null or first >= last then return; end if;
  delete from district_day where day >= (first at time zone 'UTC')::date and day < (last at time zone 'UTC')::date;
  insert into district_day (metric, day, district, hours)
  select metric, (bucket at time zone 'UTC')::date, district, string_agg(packed_hour(bucket, min, max, sum, count), '' order by bucket)
  from district_1h where bucket >= first and bucket < last and count > 0
  group by 1, 2, 3 order by 1, 2, 3;
end $$;

create or replace function work_out_districts(a timestamptz, b timestamptz) returns void language plpgsql set enable_nestloop = off as $$
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
  perform pack_district_days(a, b);
end $$;

select pack_district_days(since, until) from district_tier;
