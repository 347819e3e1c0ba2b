import { type Portion, unpack } from '../src/spool/portion.ts'
import type { Entry, Ticket } from '../src/validate/ticket.ts'

/** A ticket as the validator makes it: readings of points, and refused ones beside them. */
export const ticket = (readings: [point: number, at: number, value: number][], refused = 0, receivedAt = 60_000): Ticket => ({
  source: 'telemetry',
  receivedAt,
  received: readings.length + refused,
  late: false,
  readings: readings.map(([pointId, observedAt, value]) => ({ pointId, observedAt, value, quality: 0 })),
  rejections:
    refused === 0
      ? []
      : [
          {
            at: receivedAt,
            source: 'telemetry',
            topic: 't',
            reason: 'ts_future',
            detail: null,
            readings: refused,
            held: 0,
            payload: Buffer.from([0, 255, 10]),
          },
        ],
  held: [],
  sightings: [],
  links: [],
})

/** What was taken from a spool, ticket by ticket. */
export const ticketsOf = (taken: Pick<Portion, 'parts'> | null): Entry[] =>
  taken?.parts.flatMap((p): Entry[] => (Buffer.isBuffer(p) ? [...unpack(p)] : [p])) ?? []
