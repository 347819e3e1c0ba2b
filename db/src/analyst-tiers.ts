export const tierNames = ['1m', '15m', '1h', '1d'] as const

/** Seconds of a bucket, in SQL; days have 23 or 25 hours at times. */
const width = {
  '1m': '60',
  '15m': '900',
  '1h': '3600',
  '1d': `extract(epoch from ((r.bucket at time zone z.zone)::date + 1)::timestamp at time zone z.zone - r.bucket)::float8`,
} as const

/**
 * A roll-up as analysts read it (docs/sql.md). Grouped once more by what is unique already, so that the planner takes a point at a
 * time: a condition on a station does not reach into a roll-up whose newest part is worked out as it is read, and all points would be.
 */
export const analystTierView = (tier: (typeof tierNames)[number]): string => `
create view analyst.reading_${tier} as
select
  r.bucket, s.code as station, p.metric, r.min, r.sum / nullif(r.count, 0) as mean, r.max, r.count, r.bad, m.unit, r.sum, r.first, r.last,
  s.name as station_name, m.name_zh as metric_zh, m.name_en as metric_en,
  s.domain, s.district, a.name as district_name, s.origin, p.id as point_id,
  r.uncertain, r.count - r.uncertain as good, ${width[tier]} / coalesce(p.interval_s, m.interval_s)::float8 as expected
from point p
join station s on s.id = p.station_id
join metric m on m.code = p.metric
left join district a on a.adcode = s.district${tier === '1d' ? `\njoin tier z on z.name = '1d'` : ''}
cross join lateral (
  select b.bucket, min(b.min) as min, max(b.max) as max, sum(b.sum) as sum, sum(b.count)::bigint as count,
         min(b.first) as first, min(b.last) as last, sum(b.uncertain)::bigint as uncertain, sum(b.bad)::bigint as bad
  from reading_${tier} b where b.point_id = p.id group by b.bucket
) r`
