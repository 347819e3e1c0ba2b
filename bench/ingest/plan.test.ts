import { metricByCode, telemetryLimits } from '@yiping/contract'
import { type RegisteredStation, parseStationCsv } from '@yiping/db'
import { readFileSync } from 'node:fs'
import { describe, expect, it } from 'vitest'
import { planReadings } from './plan.ts'

const stations = parseStationCsv(readFileSync('db/seeds/demo-stations.csv', 'utf8')).map(
  (s, i): RegisteredStation => ({
    ...s,
    id: i,
    maintenance: false,
    owner: null,
    feeder: null,
    createdAt: 0,
    points: s.metrics.map((metric, j) => ({ id: 100 * i + j, metric, intervalS: 60 })),
  }),
)
const now = 1_763_800_000_000

describe('the readings that ingest is measured with', () => {
  const plan = planReadings(stations, 30_000, now, 1)

  it('hold every identity once, within the past 24 h', () => {
    expect(plan.rows.length).toBeGreaterThanOrEqual(30_000)
    expect(new Set(plan.rows.map((r) => `${r.pointId} ${r.observedAt}`)).size).toBe(plan.rows.length)
    expect(Math.min(...plan.rows.map((r) => r.observedAt))).toBeGreaterThanOrEqual(now - 86_400_000)
    expect(Math.max(...plan.rows.map((r) => r.observedAt))).toBeLessThanOrEqual(now)
  })

  it('are all in the messages, of at most 1000 readings, and none is refused', () => {
    const metricOf = new Map(stations.flatMap((s) => s.points.map((p) => [p.id, p.metric] as const)))
    for (const r of plan.rows) {
      const range = metricByCode.get(metricOf.get(r.pointId) ?? '')?.physical
      expect(range && r.value >= range.min && r.value <= range.max).toBe(true)
    }
    const counts = plan.messages.map((m) => m.payload.match(/"[a-z]+\.[a-z0-9_]+":/g)?.length ?? 0)
    expect(counts.reduce((a, b) => a + b, 0)).toBe(plan.rows.length)
    expect(Math.max(...counts)).toBeLessThanOrEqual(1000)
    expect(Math.max(...plan.messages.map((m) => m.payload.length))).toBeLessThan(telemetryLimits.maxMessageBytes)
  })
})
