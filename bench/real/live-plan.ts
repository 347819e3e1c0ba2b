import { buildTopic, metricByCode } from '@yiping/contract'
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

/** The points of the stations, each in the middle of what is believable for it. */
export function livePoints(stations: readonly RegisteredStation[]): LivePoint[] {
  return stations.flatMap((s) =>
    s.points.map((p) => {
      const metric = metricByCode.get(p.metric)
      const range = metric?.checks.range ?? metric?.physical ?? { min: 0, max: 1 }
      const decimals = metric?.decimals ?? 2
      const swing = Math.min((range.max - range.min) / 100, (metric?.checks.maxStep ?? Number.POSITIVE_INFINITY) / 4)
      const states = metric?.states?.[0]?.value
      return {
        id: p.id,
        station: s.code,
        topic: buildTopic({ kind: 'telemetry', domain: s.domain, station: s.code }),
        metric: p.metric,
        value: states ?? (range.min + range.max) / 2,
        // A meter does not run back, a switch has no value between two.
        swing: states !== undefined || metric?.kind === 'counter' ? 0 : swing,
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
