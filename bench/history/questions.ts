import type pg from 'pg'
import type { History } from './build.ts'

const dayMs = 86_400_000

/** One question as the server answers it and as plain SQL on the plain table does; `random` draws what it is asked of. */
export interface Question {
  figure: string
  goalMs: number
  samples: number
  /** Where plain SQL takes seconds. */
  naiveSamples?: number
  /** Below the server's address. */
  path: (h: History, random: () => number, points: readonly Point[]) => string
  naive: (h: History, random: () => number, points: readonly Point[]) => pg.QueryConfig
}
export interface Point {
  id: number
  /** STATION:METRIC */
  name: string
}

const one = (points: readonly Point[], random: () => number): Point => {
  const point = points[Math.floor(random() * points.length)]
  if (!point) throw new Error('no points')
  return point
}
/** A span of so many days somewhere in the history; all of it where that is shorter. */
const spanOf = (h: History, random: () => number, days: number): { from: number; to: number } => {
  const length = Math.min(days * dayMs, h.to - h.from)
  const from = Math.floor(h.from + random() * (h.to - h.from - length))
  return { from, to: from + length }
}
const buckets = `select date_bin(make_interval(secs => $4), observed_at, 'epoch'), min(value), max(value), avg(value), count(*) from naive.reading
  where point_id = $1 and quality < 2 and observed_at >= to_timestamp($2 / 1000.0) and observed_at < to_timestamp($3 / 1000.0) group by 1 order by 1`

const series = (days: number, tier: string, seconds: number) => ({
  path: (h: History, random: () => number, points: readonly Point[]): string => {
    const { from, to } = spanOf(h, random, days)
    return `/api/v1/series?points=${encodeURIComponent(one(points, random).name)}&from=${from}&to=${to}&maxPoints=1000&tier=${tier}`
  },
  naive: (h: History, random: () => number, points: readonly Point[]): pg.QueryConfig => {
    const { from, to } = spanOf(h, random, days)
    const { id } = one(points, random)
    if (seconds === 0)
      return {
        name: `raw-${days}`,
        text: 'select observed_at, value from naive.reading where point_id = $1 and quality < 2 and observed_at >= to_timestamp($2 / 1000.0) and observed_at < to_timestamp($3 / 1000.0) order by observed_at',
        values: [id, from, to],
      }
    return { name: `buckets-${days}`, text: buckets, values: [id, from, to, seconds] }
  },
})

/** One of each utility. */
const cityMetrics = ['ws.pressure', 'gs.p_mid', 'ht.room', 'dr.forebay']
const newest = (h: History, days: number): { from: number; to: number } => ({ from: Math.max(h.from, h.to - days * dayMs), to: h.to })

export const questions: readonly Question[] = [
  { figure: 'history: one point, 24 h raw', goalMs: 20, samples: 200, ...series(1, 'raw', 0) },
  { figure: 'history: one point, 30 d by the hour', goalMs: 20, samples: 200, ...series(30, '1h', 3600) },
  { figure: 'history: one point, a year', goalMs: 20, samples: 200, ...series(365, '1h', 43_200) },
  {
    figure: 'history: overview at a past moment',
    goalMs: 150,
    samples: 20,
    path: (h, random) => `/api/v1/overview?at=${Math.floor(h.from + dayMs + random() * (h.to - h.from - dayMs))}`,
    naive: (h, random) => ({
      name: 'newest-at',
      text: `select p.id, r.observed_at, r.value, r.quality from point p left join lateral (
               select * from naive.reading r where r.point_id = p.id and r.observed_at <= to_timestamp($1 / 1000.0)
                 and r.observed_at > to_timestamp($1 / 1000.0) - interval '1 day' order by r.observed_at desc limit 1) r on true`,
      values: [Math.floor(h.from + dayMs + random() * (h.to - h.from - dayMs))],
    }),
  },
  {
    figure: 'history: city by utility and district, 30 d by the hour',
    goalMs: 50,
    samples: 40,
    naiveSamples: 3,
    path: (h) => {
      const { from, to } = newest(h, 30)
      return `/api/v1/history/districts?metrics=${cityMetrics.join(',')}&bucket=1h&from=${from}&to=${to}`
    },
    naive: (h) => {
      const { from, to } = newest(h, 30)
      return {
        name: 'city-by-hour',
        text: `select s.district, p.metric, date_trunc('hour', r.observed_at), min(r.value), max(r.value), avg(r.value), count(*)
          from naive.reading r join point p on p.id = r.point_id join station s on s.id = p.station_id
          where p.metric = any($3) and r.quality < 2
            and r.observed_at >= to_timestamp($1 / 1000.0) and r.observed_at < to_timestamp($2 / 1000.0) group by 1, 2, 3`,
        values: [from, to, cityMetrics],
      }
    },
  },
]
