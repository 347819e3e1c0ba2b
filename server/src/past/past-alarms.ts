import { type AlarmCell, type AlarmSummaryCell, floodWindowMs } from '@yiping/contract'
import { type AlarmHistory, loadAlarmSpan, type Queryable } from '@yiping/db'
import { alarmCell, summaryCell } from '../live/alarms.ts'
import { alarmAsOf } from './alarm-as-of.ts'

/** The alarms of a past moment, from their log. `load` reads a span once, `moveTo` goes through it. */
export class PastAlarms {
  cells: ReadonlyMap<string, AlarmCell> = new Map()
  #histories: readonly AlarmHistory[] = []
  #rings: number[] = []
  /** Each alarm as last seen: an unchanged one stays the identical cell. */
  #seen = new Map<string, { json: string; cell: AlarmCell }>()

  async load(db: Queryable, from: number, to: number): Promise<void> {
    this.#histories = await loadAlarmSpan(db, from - floodWindowMs, to)
    this.#rings = this.#histories.flatMap((h) => h.steps.filter((s) => s.ring).map((s) => s.at)).sort((a, b) => a - b)
  }

  moveTo(at: number): void {
    const cells = new Map<string, AlarmCell>()
    const seen = new Map<string, { json: string; cell: AlarmCell }>()
    const rows = this.#histories.flatMap((history) => alarmAsOf(history, at) ?? [])
    const symptoms = new Map<string, number>()
    for (const { cause } of rows) if (cause !== null) symptoms.set(cause, (symptoms.get(cause) ?? 0) + 1)
    for (const row of rows) {
      const cell = alarmCell({ ...row, symptoms: symptoms.get(row.id) ?? 0 })
      const json = JSON.stringify(cell)
      const before = this.#seen.get(row.id)
      const entry = before?.json === json ? before : { json, cell }
      seen.set(row.id, entry)
      cells.set(row.id, entry.cell)
    }
    this.#seen = seen
    this.cells = cells
  }

  summary(now: number): AlarmSummaryCell {
    return summaryCell(
      [...this.cells.values()],
      this.#rings.filter((at) => at <= now),
      now,
    )
  }
}
