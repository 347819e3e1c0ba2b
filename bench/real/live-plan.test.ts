import { readFileSync } from 'node:fs'
import { type RegisteredStation, parseStationCsv } from '@yiping/db'
import { describe, expect, it } from 'vitest'
import { decodeMessage } from '../../ingest/src/decode/decode-message.ts'
import { AutomaticChecks } from '../../ingest/src/validate/checks.ts'
import { buildRegistry } from '../../ingest/src/validate/registry.ts'
import { toTicket } from '../../ingest/src/validate/ticket.ts'
import { WaitingRoom } from '../../ingest/src/validate/waiting-room.ts'
import { livePoints, planLive } from './live-plan.ts'

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

describe('the live readings that ingest is measured with', () => {
  const points = livePoints(stations)

  it.each([1, 100])('are all taken in, %d a message, and no check doubts more than a few', (perMessage) => {
    const plan = planLive(points, 30_000, perMessage, now, 1)
    expect(plan.rows.length).toBeGreaterThan(29_000)
    expect(new Set(plan.rows.map((r) => `${r.pointId} ${r.observedAt}`)).size).toBe(plan.rows.length)
    const registry = buildRegistry(stations)
    const room = new WaitingRoom()
    const checks = new AutomaticChecks()
    const taken = plan.messages.flatMap((m) => {
      const payload = Buffer.from(m.payload)
      const ticket = toTicket({ topic: m.topic, payload, receivedAt: now }, decodeMessage(m.topic, payload), registry, room, 86_400_000, checks)
      expect(ticket.received).toBe(ticket.readings.length)
      return ticket.readings
    })
    expect(taken.map((r) => `${r.pointId} ${r.observedAt} ${r.value}`)).toEqual(plan.rows.map((r) => `${r.pointId} ${r.observedAt} ${r.value}`))
    expect(taken.filter((r) => r.mark !== undefined).length).toBeLessThan(taken.length / 100)
  })
})
