import { defaultRules } from '@yiping/contract'
import type { Batch, RegisteredStation } from '@yiping/db'
import { batchOfReadings } from '@yiping/db'
import { describe, expect, it } from 'vitest'
import { CityCalendar } from '../src/alarm/city-calendar.ts'
import { PointRules } from '../src/alarm/point-rules.ts'
import { PointSet } from '../src/alarm/point-set.ts'

const start = Date.parse('2026-11-25T08:00:00+08:00')
const minute = 60_000
const stations = (n: number): RegisteredStation[] =>
  Array.from({ length: n }, (_, i) => ({
    ...{ id: i, code: `GS-${i}`, name: '门站', kind: 'gs_gate', domain: 'gas' as const, district: null, lon: null, lat: null },
    ...{ gateway: null, origin: null, maintenance: false, owner: null, feeder: null, createdAt: 0 },
    points: [{ id: i, metric: 'gs.flow', intervalS: 300 }],
  }))
/** Each with a normal of 100 ± 4 at every hour. */
const watched = (n: number): { points: PointSet; rules: PointRules } => {
  const points = new PointSet(new CityCalendar('Asia/Shanghai'))
  points.arrange(stations(n), defaultRules)
  for (const p of points.byId) if (p) p.normals = new Float32Array(2 * 168).map((_, i) => (i % 2 === 0 ? 100 : 4))
  return { points, rules: new PointRules(points) }
}
const readings = (at: number, values: readonly number[]): Batch =>
  batchOfReadings(
    {
      pointId: values.map((_, i) => i),
      ...{ observedAt: values.map(() => at), receivedAt: values.map(() => at + 500) },
      ...{ value: [...values], quality: values.map(() => 0), source: values.map(() => 'telemetry') },
    },
    [],
  )
/** Two hours of it: longer than the rule's delay. Answers who rang. */
const rang = ({ rules }: { rules: PointRules }, reads: (i: number, at: number) => number, n: number): string[] => {
  const found = new Set<string>()
  for (let at = start; at <= start + 120 * minute; at += 5 * minute) {
    const changes = rules.evaluate(
      readings(
        at,
        Array.from({ length: n }, (_, i) => reads(i, at)),
      ),
    )
    for (const a of changes?.opened ?? []) found.add(a.subject)
  }
  return [...found]
}

describe('what all points of a metric have in common', () => {
  it('is no deviation of any of them: on a cold day every meter is a third above its normal', () => {
    // It gets cold within the hour, as it does.
    expect(rang(watched(20), (i, at) => 100 + 35 * Math.min(1, (at - start) / (60 * minute)) + (i % 3), 20)).toEqual([])
  })
  it('does not hide the one that is further off than its peers', () => {
    expect(rang(watched(20), (i) => (i === 7 ? 210 : 135), 20)).toEqual(['GS-7:gs.flow'])
    expect(rang(watched(20), (i) => (i === 7 ? 60 : 135), 20)).toEqual(['GS-7:gs.flow'])
  })
  it('is not known of a few points: each stands for itself', () => {
    expect(rang(watched(9), () => 135, 9)).toHaveLength(9)
  })
  it('hides no more than weather can do', () => {
    expect(rang(watched(20), () => 260, 20)).toHaveLength(20)
    expect(rang(watched(20), () => 30, 20)).toHaveLength(20)
  })
})
