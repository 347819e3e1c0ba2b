-- What analysts read (docs/sql.md): names, units and words in place of numbers, one row a reading, a bucket, a station, an
-- alarm. These names stay; the tables behind them may change.

create schema analyst;

create view analyst.station as
select
  s.code as station, s.name, s.kind, k.name_zh as kind_zh, k.name_en as kind_en,
  s.domain, d.name_zh as domain_zh, d.name_en as domain_en,
  s.district, a.name as district_name, a.name_en as district_name_en,
  s.lon, s.lat, s.gateway, s.owner, s.maintenance,
  s.origin, -- where replayed data comes from; null: a station of this city
  s.created_at as registered_at
from station s
join station_kind k on k.code = s.kind
join domain d on d.code = s.domain
left join district a on a.adcode = s.district;

create view analyst.point as
select
  p.id as point_id, s.code as station, s.name as station_name, s.domain, s.district, a.name as district_name,
  p.metric, m.name_zh as metric_zh, m.name_en as metric_en, m.unit, m.kind as metric_kind,
  coalesce(p.interval_s, m.interval_s) as interval_s, -- how often it is to report
  m.physical_min, m.physical_max, s.origin
from point p
join station s on s.id = p.station_id
join metric m on m.code = p.metric
left join district a on a.adcode = s.district;

create view analyst.reading as
select
  r.observed_at, s.code as station, p.metric, r.value, m.unit,
  case r.quality when 0 then 'good' when 1 then 'uncertain' else 'bad' end as quality,
  r.received_at, s.name as station_name, m.name_zh as metric_zh, m.name_en as metric_en,
  s.domain, s.district, a.name as district_name, s.origin, r.point_id
from reading r
join point p on p.id = r.point_id
join station s on s.id = p.station_id
join metric m on m.code = p.metric
left join district a on a.adcode = s.district;

create view analyst.latest as
select
  r.observed_at, s.code as station, p.metric, r.value, m.unit,
  case r.quality when 0 then 'good' when 1 then 'uncertain' else 'bad' end as quality,
  r.received_at, s.name as station_name, m.name_zh as metric_zh, m.name_en as metric_en,
  s.domain, s.district, a.name as district_name, s.origin, r.point_id
from latest r
join point p on p.id = r.point_id
join station s on s.id = p.station_id
join metric m on m.code = p.metric
left join district a on a.adcode = s.district;

-- Roll-ups. Grouped once more by what is unique already, so that the planner takes a point at a time: a condition on a station
-- does not reach into a roll-up whose newest part is worked out as it is read, and all points would be.

create view analyst.reading_1m as
select
  r.bucket, s.code as station, p.metric, r.min, r.sum / nullif(r.count, 0) as mean, r.max, r.count, r.bad, m.unit, r.sum, r.first, r.last,
  s.name as station_name, m.name_zh as metric_zh, m.name_en as metric_en,
  s.domain, s.district, a.name as district_name, s.origin, p.id as point_id
from point p
join station s on s.id = p.station_id
join metric m on m.code = p.metric
left join district a on a.adcode = s.district
cross join lateral (
  select b.bucket, min(b.min) as min, max(b.max) as max, sum(b.sum) as sum, sum(b.count)::bigint as count,
         min(b.first) as first, min(b.last) as last, sum(b.bad)::bigint as bad
  from reading_1m b where b.point_id = p.id group by b.bucket
) r;

create view analyst.reading_1h as
select
  r.bucket, s.code as station, p.metric, r.min, r.sum / nullif(r.count, 0) as mean, r.max, r.count, r.bad, m.unit, r.sum, r.first, r.last,
  s.name as station_name, m.name_zh as metric_zh, m.name_en as metric_en,
  s.domain, s.district, a.name as district_name, s.origin, p.id as point_id
from point p
join station s on s.id = p.station_id
join metric m on m.code = p.metric
left join district a on a.adcode = s.district
cross join lateral (
  select b.bucket, min(b.min) as min, max(b.max) as max, sum(b.sum) as sum, sum(b.count)::bigint as count,
         min(b.first) as first, min(b.last) as last, sum(b.bad)::bigint as bad
  from reading_1h b where b.point_id = p.id group by b.bucket
) r;

create view analyst.alarm as
select
  x.active_at, x.returned_at, x.severity, -- 1 red … 4 blue
  x.state, x.rule, x.kind, x.subject, x.station, s.name as station_name, x.metric, m.name_zh as metric_zh, m.name_en as metric_en,
  x.domain, x.district, a.name as district_name, x.value, x.limit_value, x.extreme, x.unit, x.worst,
  x.rang_at, x.ack_at, x.ack_by, x.escalation, x.recurrences, x.members,
  coalesce(x.suppressed_by, case when x.explained then 'cause' end) as suppressed_by, x.superseded, x.cause, x.id
from alarm x
left join station s on s.code = x.station
left join metric m on m.code = x.metric
left join district a on a.adcode = x.district;

create view analyst.alarm_event as
select e.at, e.kind, e.severity, e.value, e.by, e.note, e.alarm, x.rule, x.station, x.metric, x.domain
from alarm_event e join alarm x on x.id = e.alarm;

create view analyst.balance as
select minute, source, received, stored, duplicate, conflict, rejected, waiting, closes from ingest_balance;

-- Who may read these and nothing else. A person's own account is made a member of it: docs/sql.md. Roles belong to the whole
-- server: another database of it may have made it, and whoever migrates may not be allowed to; then it is left out.
do $$
begin
  if not exists (select from pg_roles where rolname = 'yiping_analyst')
     and exists (select from pg_roles where rolname = current_user and (rolcreaterole or rolsuper)) then
    begin
      create role yiping_analyst nologin;
    exception when duplicate_object or unique_violation then null;
    end;
  end if;
  if exists (select from pg_roles where rolname = 'yiping_analyst') then
    grant usage on schema analyst to yiping_analyst;
    grant select on all tables in schema analyst to yiping_analyst;
  end if;
end $$;
