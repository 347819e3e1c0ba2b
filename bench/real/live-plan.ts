import { buildTopic, exceeded, type Metric, metricByCode } from '@yiping/contract'
import type { RegisteredStation } from '@yiping/db'
import type { Plan, PlannedMessage } from '../ingest/plan.ts'
import { seeded } from '../measure/numbers.ts'

/** One point of a station and the value around which it moves. */
export interface LivePoint {
  id: number
  station: string
  topic: string
  metric: string
  value: number
  /** Less than any check marks as a jump, more than the last decimal. */
  swing: number
  decimals: number
}

const gatewayTopic = buildTopic({ kind: 'gateway' })
/** The whole plan lies within it: younger than what counts as back-fill. */
const withinMs = 120_000

/** Where nothing is wrong: in the middle of what is typical, else the first of some that no limit is passed by. */
function calmValue(metric: Metric, range: { min: number; max: number }): number {
  const { typical } = metric
  const tried = [...(typical === null ? [] : [(typical.min + typical.max) / 2, typical.min, typical.max]), 0, (range.min + range.max) / 2]
  return tried.find((v) => v >= range.min && v <= range.max && exceeded(metric, v) === null) ?? (range.min + range.max) / 2
}

/** The points of the stations, each at a value that no alarm comes of. */
export function livePoints(stations: readonly RegisteredStation[]): LivePoint[] {
  return stations.flatMap((s) =>
    s.points.map((p) => {
      const metric = metricByCode.get(p.metric)
      const range = metric?.checks.range ?? metric?.physical ?? { min: 0, max: 1 }
      const decimals = metric?.decimals ?? 2
      const typical = metric?.typical ?? null
      const width = typical === null ? (range.max - range.min) / 100 : typical.max - typical.min
      const swing = Math.min(width / 10, (range.max - range.min) / 100, (metric?.checks.maxStep ?? Number.POSITIVE_INFINITY) / 4)
      const states = metric?.states?.[0]?.value
      const value = states ?? (metric === undefined ? (range.min + range.max) / 2 : calmValue(metric, range))
      // No rain is no rain: nothing moves below what there can be.
      const moves = value - swing / 2 >= range.min && value + swing / 2 <= range.max
      return {
        id: p.id,
        station: s.code,
        topic: buildTopic({ kind: 'telemetry', domain: s.domain, station: s.code }),
        metric: p.metric,
        value,
        // A meter does not run back, a switch has no value between two.
        swing: states !== undefined || metric?.kind === 'counter' || !moves ? 0 : swing,
        decimals: decimals + 1,
      }
    }),
  )
}

export interface LiveReading {
  point: LivePoint
  value: number
}

export function readingOf(point: LivePoint, random: () => number): LiveReading {
  return { point, value: Number((point.value + point.swing * (random() - 0.5)).toFixed(point.decimals)) }
}

/** One reading is a device's own message, several are a gateway's. All of `ts`. */
export function messageOf(readings: readonly LiveReading[], ts: number): PlannedMessage {
  const [first] = readings
  if (first !== undefined && readings.length === 1)
    return { topic: first.point.topic, payload: `{"ts":${ts},"values":{"${first.point.metric}":${first.value}}}` }
  const said: string[] = []
  let station = ''
  let values: string[] = []
  const close = (): void => {
    if (values.length > 0) said.push(`"${station}":[{"ts":${ts},"values":{${values.join(',')}}}]`)
    values = []
  }
  for (const { point, value } of readings) {
    if (point.station !== station) close()
    station = point.station
    values.push(`"${point.metric}":${value}`)
  }
  close()
  return { topic: gatewayTopic, payload: `{${said.join(',')}}` }
}

/** As a city sends: every point in its turn, `perMessage` readings a message, the last ones of `now`. */
export function planLive(points: readonly LivePoint[], rows: number, perMessage: number, now: number, seed: number): Plan {
  if (perMessage > points.length) throw new Error(`a message of ${perMessage} readings would hold a point twice: there are ${points.length}`)
  const random = seeded(seed)
  const messages = Math.ceil(rows / perMessage)
  const plan: Plan = { rows: [], messages: [] }
  for (let m = 0, next = 0; m < messages; m += 1) {
    const ts = now - withinMs + Math.floor((m * withinMs) / messages)
    const readings: LiveReading[] = []
    // A station comes whole or is cut at the end of a round, but never twice in a message.
    while (readings.length < perMessage) {
      readings.push(readingOf(points[next] as LivePoint, random))
      next = (next + 1) % points.length
      if (next === 0 && readings.length < perMessage) break
    }
    for (const r of readings) plan.rows.push({ pointId: r.point.id, observedAt: ts, value: r.value })
    plan.messages.push(messageOf(readings, ts))
  }
  return plan
}
