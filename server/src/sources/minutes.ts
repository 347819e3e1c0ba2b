import type { BalanceRow } from '@yiping/db'

/** The account of one topic class over a span, and minute by minute. */
export interface SourceAccount {
  source: string
  lastMinute: number | null
  /** Mean of the last settled minutes. */
  perMinute: number
  received: number
  stored: number
  duplicate: number
  conflict: number
  rejected: number
  waiting: number
  openMinutes: number
  difference: number
  minutes: { received: (number | null)[]; refused: number[]; difference: number[] }
}

/** How many settled minutes a rate is the mean of. */
const rateMinutes = 5

/** `from` and `to` are whole minutes; a minute from `settledTo` on is still being written and is not judged. Who does not close first. */
export function accountsOf(rows: readonly BalanceRow[], from: number, to: number, settledTo: number): SourceAccount[] {
  const count = Math.max(0, Math.round((to - from) / 60_000))
  const accounts = new Map<string, SourceAccount>()
  for (const r of rows) {
    const i = Math.round((r.minute - from) / 60_000)
    if (i < 0 || i >= count) continue
    let a = accounts.get(r.source)
    if (!a) {
      a = {
        ...{
          source: r.source,
          lastMinute: null,
          perMinute: 0,
          received: 0,
          stored: 0,
          duplicate: 0,
          conflict: 0,
          rejected: 0,
          waiting: 0,
          openMinutes: 0,
          difference: 0,
        },
        minutes: {
          received: Array.from({ length: count }, () => null),
          refused: Array.from({ length: count }, () => 0),
          difference: Array.from({ length: count }, () => 0),
        },
      }
      accounts.set(r.source, a)
    }
    for (const key of ['received', 'stored', 'duplicate', 'conflict', 'rejected', 'waiting'] as const) a[key] += r[key]
    if (r.received > 0) a.lastMinute = Math.max(a.lastMinute ?? 0, r.minute)
    a.minutes.received[i] = r.received
    a.minutes.refused[i] = r.rejected + r.conflict
    const settled = r.minute < settledTo
    if (settled && settledTo - r.minute <= rateMinutes * 60_000) a.perMinute += r.received / rateMinutes
    if (!settled || r.closes) continue
    const difference = r.received - (r.stored + r.duplicate + r.conflict + r.rejected + r.waiting)
    a.minutes.difference[i] = difference
    a.openMinutes += 1
    a.difference += difference
  }
  return [...accounts.values()].sort(
    (a, b) => b.openMinutes - a.openMinutes || b.rejected + b.conflict - (a.rejected + a.conflict) || b.received - a.received || (a.source < b.source ? -1 : 1),
  )
}
