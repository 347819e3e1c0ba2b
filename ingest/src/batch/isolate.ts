import type { Ticket } from '../validate/ticket.ts'

/**
 * Tickets that the database refuses for their data, which validation should have caught: finds the readings at fault by
 * asking `takes` of parts (a statement that is rolled back), and answers the same tickets with these refused. Whole
 * tickets whose refusals or held readings are at fault lose their texts, not their counts.
 */
export async function isolate(tickets: readonly Ticket[], takes: (tickets: readonly Ticket[]) => Promise<boolean>, why: string): Promise<Ticket[]> {
  if (tickets.length === 0 || (await takes(tickets))) return [...tickets]
  if (tickets.length > 1) {
    const half = tickets.length >> 1
    return [...(await isolate(tickets.slice(0, half), takes, why)), ...(await isolate(tickets.slice(half), takes, why))]
  }
  const [ticket] = tickets
  if (ticket === undefined) return []
  const bare: Ticket = { ...ticket, rejections: [], held: [], sightings: [] }
  const bad = await badReadings(bare, takes)
  const readings = ticket.readings.filter((r) => !bad.has(r))
  const mended: Ticket = bad.size === 0 ? ticket : { ...ticket, readings, rejections: [...ticket.rejections, refusal(ticket, why, bad.size, [...bad])] }
  if (await takes([mended])) return [mended]
  // Not a reading then: texts that the database cannot hold.
  const refused = ticket.received - readings.length
  return [{ ...ticket, readings, rejections: refused > 0 ? [refusal(ticket, why, refused, [])] : [], held: [], sightings: [] }]
}

async function badReadings(ticket: Ticket, takes: (tickets: readonly Ticket[]) => Promise<boolean>): Promise<Set<Ticket['readings'][number]>> {
  if (ticket.readings.length === 0 || (await takes([ticket]))) return new Set()
  if (ticket.readings.length === 1) return new Set(ticket.readings)
  const half = ticket.readings.length >> 1
  const first = await badReadings({ ...ticket, readings: ticket.readings.slice(0, half) }, takes)
  const second = await badReadings({ ...ticket, readings: ticket.readings.slice(half) }, takes)
  return new Set([...first, ...second])
}

const refusal = (ticket: Ticket, why: string, readings: number, rows: readonly unknown[]): Ticket['rejections'][number] => ({
  at: ticket.receivedAt,
  source: ticket.source,
  topic: ticket.source,
  reason: 'payload_malformed',
  detail: why.replaceAll('\0', '\uFFFD').slice(0, 1000),
  readings,
  held: 0,
  payload: Buffer.from(JSON.stringify(rows)).subarray(0, 4096),
})
