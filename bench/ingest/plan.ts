import { buildTopic } from '@yiping/contract'
import type { RegisteredStation } from '@yiping/db'
import { seeded } from '../measure/numbers.ts'
import { livePoints, readingOf } from '../real/live-plan.ts'

export interface PlannedRow {
  pointId: number
  observedAt: number
  value: number
}
export interface PlannedMessage {
  topic: string
  payload: string
}
export interface Plan {
  /** In the order in which the messages carry them. */
  rows: PlannedRow[]
  messages: PlannedMessage[]
}

const dayMs = 86_400_000
/** Readings of one message: a device's back-fill or a gateway's round. */
const [fewest, most] = [200, 1000]
/** Stations that one gateway speaks for. */
const gatewayStations = 20

/**
 * Readings of the demo city's own points in the 24 h before `now`, as devices bring them after a link was down: by turns
 * a station's array and a gateway's round, 200 … 1000 readings each, every identity once. Values move as they do where nothing
 * is wrong: what follows from a storm of limits passed is another figure.
 */
export function planReadings(stations: readonly RegisteredStation[], rows: number, now: number, seed: number): Plan {
  const random = seeded(seed)
  const talking = stations.filter((s) => s.points.length > 0)
  const plan: Plan = { rows: [], messages: [] }
  // Every station goes its own way from a day ago in equal steps, so that no moment comes twice.
  const points = talking.reduce((n, s) => n + s.points.length, 0)
  const stepMs = Math.floor((dayMs - 60_000) / (Math.ceil((2 * rows) / points) + most))
  const pointById = new Map(livePoints(talking).map((p) => [p.id, p]))
  const next = new Map(talking.map((s) => [s.code, now - dayMs]))
  const sampleOf = (s: RegisteredStation): { ts: number; values: Record<string, number> } => {
    const ts = next.get(s.code) ?? 0
    next.set(s.code, ts + stepMs)
    const values: Record<string, number> = {}
    for (const p of s.points) {
      const point = pointById.get(p.id)
      if (point === undefined) continue
      values[p.metric] = readingOf(point, random).value
      plan.rows.push({ pointId: p.id, observedAt: ts, value: values[p.metric] ?? 0 })
    }
    return { ts, values }
  }
  for (let turn = 0, at = 0; plan.rows.length < rows; turn += 1) {
    const wanted = fewest + Math.floor(random() * (most - fewest))
    const from = plan.rows.length
    const full = (next: RegisteredStation): boolean => plan.rows.length - from + next.points.length > wanted
    if (turn % 2 === 0) {
      const station = talking[at % talking.length] as RegisteredStation
      at += 1
      const samples: unknown[] = []
      while (!full(station)) samples.push(sampleOf(station))
      plan.messages.push({ topic: buildTopic({ kind: 'telemetry', domain: station.domain, station: station.code }), payload: JSON.stringify(samples) })
    } else {
      const members = Array.from({ length: gatewayStations }, (_, i) => talking[(at + i) % talking.length] as RegisteredStation)
      at += gatewayStations
      const said: Record<string, unknown[]> = {}
      for (let i = 0; ; i += 1) {
        const member = members[i % members.length] as RegisteredStation
        if (full(member)) break
        const samples = said[member.code] ?? []
        samples.push(sampleOf(member))
        said[member.code] = samples
      }
      plan.messages.push({ topic: buildTopic({ kind: 'gateway' }), payload: JSON.stringify(said) })
    }
  }
  return plan
}
