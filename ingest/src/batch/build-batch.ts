import type { LedgerRow, ReadingColumns, RejectionRow } from '@yiping/db'
import type { Ticket } from '../validate/ticket.ts'

/** What one statement stores. */
export interface Batch {
  readings: ReadingColumns
  rejections: RejectionRow[]
  ledger: LedgerRow[]
}

const emptyColumns = (): ReadingColumns => ({ pointId: [], observedAt: [], receivedAt: [], value: [], quality: [], source: [] })

/**
 * Makes statements of at most `maxRows` readings out of tickets, such that no statement holds an identity twice and
 * each one's ledger accounts for exactly the readings that it settles: a crash between two of them leaves a balance
 * that still closes when the message comes again.
 */
export function buildBatches(tickets: readonly Ticket[], maxRows: number): Batch[] {
  const batches: Batch[] = []
  let batch: Batch = { readings: emptyColumns(), rejections: [], ledger: [] }
  let ledger = new Map<string, LedgerRow>()
  let seen = new Map<string, { value: number; quality: number }>()
  const close = (): void => {
    batch.ledger = [...ledger.values()]
    if (batch.ledger.length > 0) batches.push(batch)
    batch = { readings: emptyColumns(), rejections: [], ledger: [] }
    ledger = new Map()
    seen = new Map()
  }
  const entry = (ticket: Ticket): LedgerRow => {
    const minute = Math.floor(ticket.receivedAt / 60_000) * 60_000
    const key = `${minute} ${ticket.source}`
    let row = ledger.get(key)
    if (!row) {
      row = { minute, source: ticket.source, received: 0, duplicate: 0, conflict: 0, rejected: 0 }
      ledger.set(key, row)
    }
    return row
  }
  for (const ticket of tickets) {
    const first = entry(ticket)
    // The decoder's own count less what is stored row by row below: equals `rejected` unless a stage lost a reading.
    first.received += ticket.received - ticket.readings.length
    for (const r of ticket.rejections) first.rejected += r.readings
    batch.rejections.push(...ticket.rejections)
    for (const r of ticket.readings) {
      if (batch.readings.pointId.length >= maxRows) close()
      const row = entry(ticket)
      row.received += 1
      const identity = `${r.pointId} ${r.observedAt}`
      const before = seen.get(identity)
      if (before !== undefined) {
        if (before.value === r.value && before.quality === r.quality) row.duplicate += 1
        else row.conflict += 1
        continue
      }
      seen.set(identity, { value: r.value, quality: r.quality })
      const c = batch.readings
      c.pointId.push(r.pointId)
      c.observedAt.push(r.observedAt)
      c.receivedAt.push(ticket.receivedAt)
      c.value.push(r.value)
      c.quality.push(r.quality)
      c.source.push(ticket.source)
    }
  }
  close()
  return batches
}
