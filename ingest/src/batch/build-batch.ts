import { type Batch, type HeldColumns, type LedgerRow, type LinkRow, noReadings, nothingHeld, type ReadingColumns, type SightingRow } from '@yiping/db'
import type { Ticket } from '../validate/ticket.ts'
import { Identities } from './identities.ts'
import type { HeldReading, ValidReading } from '../validate/validate-value.ts'

/**
 * One statement's worth out of tickets, such that no identity is in it twice: a second value is counted as a duplicate
 * or a conflict here. Its ledger accounts for every reading that its tickets brought.
 */
export function buildBatch(place: Batch['place'], tickets: Iterable<Ticket>): Batch {
  const readings = noReadings()
  const conflicts = noReadings()
  const held = nothingHeld()
  const heldConflicts = nothingHeld()
  const rejections: Batch['rejections'] = []
  const historical: Batch['historical'] = { pointId: [], observedAt: [] }
  const marks: Batch['marks'] = { pointId: [], observedAt: [], mark: [] }
  const links = new Map<string, LinkRow>()
  const ledger = new Map<string, LedgerRow>()
  const sightings = new Map<string, SightingRow>()
  const identities = new Identities(readings.observedAt)
  const seenHeld = new Map<string, number>()
  let last: LedgerRow | undefined
  const entry = (ticket: Ticket): LedgerRow => {
    const minute = Math.floor(ticket.receivedAt / 60_000) * 60_000
    if (last?.minute === minute && last.source === ticket.source) return last
    const key = `${minute} ${ticket.source}`
    let row = ledger.get(key)
    if (!row) {
      row = { minute, source: ticket.source, received: 0, duplicate: 0, conflict: 0, rejected: 0, waiting: 0 }
      ledger.set(key, row)
    }
    last = row
    return row
  }
  for (const ticket of tickets) {
    for (const link of ticket.links) {
      links.delete(link.station)
      links.set(link.station, { ...link, since: ticket.receivedAt })
    }
    // A birth, a death or a command of Sparkplug may bring no reading at all.
    if (ticket.received === 0) continue
    const row = entry(ticket)
    // The decoder's own count: what becomes of it is counted apart, reading by reading.
    row.received += ticket.received
    for (const r of ticket.rejections) {
      row.rejected += r.readings - r.held
      rejections.push(r)
    }
    for (const r of ticket.readings) {
      const before = identities.claim(r.pointId, r.observedAt)
      if (before === null) {
        push(readings, r, ticket)
        if (r.mark !== undefined) {
          marks.pointId.push(r.pointId)
          marks.observedAt.push(r.observedAt)
          marks.mark.push(r.mark)
        }
        if (r.historical) {
          historical.pointId.push(r.pointId)
          historical.observedAt.push(r.observedAt)
        }
      } else if (readings.value[before] === r.value) row.duplicate += 1
      else {
        row.conflict += 1
        push(conflicts, r, ticket)
      }
    }
    for (const h of ticket.held) {
      const identity = `${h.station} ${h.metric} ${h.observedAt}`
      const before = seenHeld.get(identity)
      if (before === undefined) {
        seenHeld.set(identity, h.value)
        hold(held, h, ticket)
      } else if (before === h.value) row.duplicate += 1
      else {
        row.conflict += 1
        hold(heldConflicts, h, ticket)
      }
    }
    for (const s of ticket.sightings) {
      const key = `${s.station} ${s.metric}`
      const before = sightings.get(key)
      if (before === undefined) sightings.set(key, { ...s, firstSeen: ticket.receivedAt, lastSeen: ticket.receivedAt })
      else {
        before.times += s.times
        before.domain = s.domain ?? before.domain
        before.sample = s.sample
        before.lastSeen = Math.max(before.lastSeen, ticket.receivedAt)
      }
    }
  }
  return {
    place,
    readings,
    conflicts,
    rejections,
    held,
    heldConflicts,
    sightings: [...sightings.values()],
    links: [...links.values()],
    historical,
    marks,
    ledger: [...ledger.values()],
  }
}

function push(columns: ReadingColumns, r: ValidReading, ticket: Ticket): void {
  columns.pointId.push(r.pointId)
  columns.observedAt.push(r.observedAt)
  columns.receivedAt.push(ticket.receivedAt)
  columns.value.push(r.value)
  columns.quality.push(r.quality)
  columns.source.push(ticket.source)
}

function hold(columns: HeldColumns, h: HeldReading, ticket: Ticket): void {
  columns.station.push(h.station)
  columns.metric.push(h.metric)
  columns.observedAt.push(h.observedAt)
  columns.receivedAt.push(ticket.receivedAt)
  columns.value.push(h.value)
  columns.quality.push(h.quality)
  columns.source.push(ticket.source)
}
