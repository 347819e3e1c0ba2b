import type { DomainCode, Metric } from '@yiping/contract'
import { metricByCode } from '@yiping/contract'
import type { RegisteredStation } from '@yiping/db'

export interface KnownPoint {
  id: number
  metric: Metric
  intervalS: number
}

export interface KnownStation {
  domain: DomainCode
  points: ReadonlyMap<string, KnownPoint>
}
/** What the validator looks up for every value. */
export type Registry = ReadonlyMap<string, KnownStation>

export function buildRegistry(stations: readonly RegisteredStation[]): Registry {
  return new Map(
    stations.map((s) => [
      s.code,
      {
        domain: s.domain,
        points: new Map(
          s.points.flatMap((p) => {
            const metric = metricByCode.get(p.metric)
            return metric ? [[p.metric, { id: p.id, metric, intervalS: p.intervalS }] as const] : []
          }),
        ),
      },
    ]),
  )
}
