-- What meters counted and how long states lasted, beside the tiers (docs/adr/0023). What a bucket counted is the difference of the last
-- readings of two buckets, which every tier has, and these corrections: there is one only where a reading counted otherwise than by its
-- difference to the one before it. Of states it is known since when each has lasted. Both are kept as long as days are.

create table counter_correction (
  point_id   integer not null,
  at         timestamptz not null, -- of the reading
  correction double precision not null,
  open       boolean not null, -- what follows rests on more than this reading and the one before it
  primary key (point_id, at)
);

create table state_span (
  point_id integer not null,
  since    timestamptz not null,
  state    double precision, -- null: not known, for the reading is stale
  primary key (point_id, since)
);

-- From where to where both are worked out; what comes after it is reckoned as it is read.
create table meter_tier (
  alone boolean primary key default true check (alone),
  since timestamptz,
  until timestamptz,
  again_from timestamptz, -- the database was away from here on: readings of that time may have been stored when it was worked out already; infinity: none of it, the past is gone through for the first time
  check ((since is null) = (until is null) and since <= until)
);
insert into meter_tier default values;

-- How long each state lasted at a time, as far as it is worked out (an hour or two ago).
create view analyst.state_span as
select
  s.since, t.until, st.code as station, p.metric, s.state, n.name ->> 'zh' as state_zh, n.name ->> 'en' as state_en,
  extract(epoch from t.until - s.since)::double precision as seconds,
  st.name as station_name, m.name_zh as metric_zh, m.name_en as metric_en, st.domain, st.district, st.origin, p.id as point_id
from state_span s
join point p on p.id = s.point_id
join station st on st.id = p.station_id
join metric m on m.code = p.metric
cross join lateral (
  select coalesce((select min(n.since) from state_span n where n.point_id = s.point_id and n.since > s.since), w.until) as until from meter_tier w
) t
left join lateral (
  select e.value -> 'name' as name from jsonb_array_elements(m.states) e(value) where (e.value ->> 'value')::double precision = s.state
) n on true;
