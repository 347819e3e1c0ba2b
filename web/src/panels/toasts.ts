import type { AlarmCell } from '@yiping/contract/screen'
import { worstFirst } from './alarms.ts'

export const toastsAtOnce = 3
/** A toast leaves by itself: the alarm stays in the list. */
export const toastMs = 15_000

export interface Toast {
  cell: AlarmCell
  /** By the clock that only runs forward, ms. */
  at: number
}

/** What is told now: of the old ones those that still ring and are young enough, and the new ones; worst first. */
export function keepToasts(before: readonly Toast[], fresh: readonly AlarmCell[], cells: ReadonlyMap<string, AlarmCell>, now: number): Toast[] {
  const told = new Set(fresh.map((c) => c.id))
  const kept = before.flatMap((toast) => {
    const cell = cells.get(toast.cell.id)
    return cell?.state === 'unacked_active' && now - toast.at < toastMs && !told.has(cell.id) ? [{ ...toast, cell }] : []
  })
  return [...kept, ...fresh.map((cell) => ({ cell, at: now }))].sort((a, b) => worstFirst(a.cell, b.cell))
}
