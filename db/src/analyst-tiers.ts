export const tierNames = ['1m', '15m', '1h', '1d'] as const

/** Seconds of a bucket, in SQL; days have 23 or 25 hours at times. */
const width = {
  '1m': '60',
  '15m': '900',
  '1h': '3600',
  '1d': `extract(epoch from ((r.bucket at time zone z.zone)::date + 1)::timestamp at time zone z.zone - r.bucket)::float8`,
} as const

/** The end of a bucket, in SQL. */
const end = {
  '1m': "r.bucket + interval '1 minute'",
  '15m': "r.bucket + interval '15 minutes'",
  '1h': "r.bucket + interval '1 hour'",
  '1d': '((r.bucket at time zone z.zone)::date + 1)::timestamp at time zone z.zone',
} as const

/**
 * What a meter counted since the last reading before the bucket, as far as it is worked out (docs/adr/0023). That reading is nearly always of
 * the last two days; where readings are gone, and behind long gaps, it is the last one of a bucket before.
 */
const counted = (
  tier: (typeof tierNames)[number],
): string => `case when m.kind = 'counter' and r.count > 0 and ${end[tier]} <= (select until from meter_tier) then
    r.last - coalesce(
      (select q.value from plain_reading q where q.point_id = p.id and q.quality < 2 and q.observed_at < r.bucket and q.observed_at >= r.bucket - interval '2 days'
       order by q.observed_at desc limit 1),
      (select last(q.last, q.bucket) from reading_${tier} q where q.point_id = p.id and q.count > 0 and q.bucket < r.bucket and q.bucket >= r.bucket - interval '400 days'),
      r.first
    ) + coalesce((select sum(k.correction) from counter_correction k where k.point_id = p.id and k.at >= r.bucket and k.at < ${end[tier]}), 0)
  end`

/**
 * A roll-up as analysts read it (docs/sql.md). Grouped once more by what is unique already, so that the planner takes a point at a
 * time: a condition on a station does not reach into a roll-up whose newest part is worked out as it is read, and all points would be.
 */
export const analystTierView = (tier: (typeof tierNames)[number]): string => `
create or replace view analyst.reading_${tier} as
select
  r.bucket, s.code as station, p.metric, r.min, r.sum / nullif(r.count, 0) as mean, r.max, r.count, r.bad, m.unit, r.sum, r.first, r.last,
  s.name as station_name, m.name_zh as metric_zh, m.name_en as metric_en,
  s.domain, s.district, a.name as district_name, s.origin, p.id as point_id,
  r.uncertain, r.count - r.uncertain as good, ${width[tier]} / coalesce(p.interval_s, m.interval_s)::float8 as expected,
  ${counted(tier)} as counted
from point p
join station s on s.id = p.station_id
join metric m on m.code = p.metric
left join district a on a.adcode = s.district${tier === '1d' ? `\njoin tier z on z.name = '1d'` : ''}
cross join lateral (
  select b.bucket, min(b.min) as min, max(b.max) as max, sum(b.sum) as sum, sum(b.count)::bigint as count,
         min(b.first) as first, min(b.last) as last, sum(b.uncertain)::bigint as uncertain, sum(b.bad)::bigint as bad
  from reading_${tier} b where b.point_id = p.id group by b.bucket
) r`
