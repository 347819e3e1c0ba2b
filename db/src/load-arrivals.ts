import type { Queryable } from './connection.ts'

/** Milliseconds from a device's clock to ours. */
export interface DelayRow {
  /** Registry id; null: of a whole utility, or of all. */
  station: number | null
  /** Null besides: of all. */
  domain: string | null
  p50: number
  p95: number
}
export interface Arrivals {
  /** Readings of each point that has any. */
  counts: Map<number, number>
  delays: DelayRow[]
}

/** What of the span from ≤ observed < to (epoch ms) is stored, by point; and how long it was on its way, by station, utility and in all. */
export async function loadArrivals(db: Queryable, from: number, to: number): Promise<Arrivals> {
  const span = 'observed_at >= to_timestamp($1::float8 / 1000) and observed_at < to_timestamp($2::float8 / 1000)'
  const counts = await db.query<{ point_id: number; n: number }>(`select point_id, count(*)::int as n from plain_reading where ${span} group by point_id`, [
    from,
    to,
  ])
  const delays = await db.query<Omit<DelayRow, 'p50' | 'p95'> & { way: number[] | null }>(
    `select s.id as station, s.domain,
            percentile_disc(array[0.5, 0.95]) within group (order by (extract(epoch from r.received_at - r.observed_at) * 1000)::float8) as way
     from plain_reading r join point p on p.id = r.point_id join station s on s.id = p.station_id
     where ${span} and s.origin is null
     group by grouping sets ((s.id), (s.domain), ())`,
    [from, to],
  )
  return {
    counts: new Map(counts.rows.map((r) => [r.point_id, r.n])),
    // Without a reading there is one group all the same, that of all.
    delays: delays.rows.flatMap(({ station, domain, way }) => {
      const [p50, p95] = way ?? []
      return p50 === undefined || p95 === undefined ? [] : [{ station, domain, p50, p95 }]
    }),
  }
}
