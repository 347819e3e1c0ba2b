import { type AlarmCell, type AlarmSummaryCell, floodWindowMs } from '@yiping/contract'
import { type AlarmHistory, loadAlarmSpan, loadWatchedMinutes, type Queryable } from '@yiping/db'
import { alarmCell, summaryCell } from '../live/alarms.ts'
import { alarmAsOf } from './alarm-as-of.ts'

/** Ingest that takes in nothing for so long was not there, ms: while it is there and hears nobody, it says so by an alarm. */
const unwatchedMs = 15 * 60_000

/** Whether anything watched for alarms at a past moment (epoch ms): a city whose past was imported has readings and no alarms. */
export async function watchedAt(db: Queryable, at: number): Promise<boolean> {
  return (await loadWatchedMinutes(db, at - unwatchedMs, at)).length > 0
}

/** The alarms of a past moment, from their log. `load` reads a span once, `moveTo` goes through it. */
export class PastAlarms {
  cells: ReadonlyMap<string, AlarmCell> = new Map()
  #histories: readonly AlarmHistory[] = []
  #rings: number[] = []
  #watched: number[] = []
  #known = false
  /** Each alarm as last seen: an unchanged one stays the identical cell. */
  #seen = new Map<string, { json: string; cell: AlarmCell }>()

  async load(db: Queryable, from: number, to: number): Promise<void> {
    this.#histories = await loadAlarmSpan(db, from - floodWindowMs, to)
    this.#rings = this.#histories.flatMap((h) => h.steps.filter((s) => s.ring).map((s) => s.at)).sort((a, b) => a - b)
    this.#watched = await loadWatchedMinutes(db, from - unwatchedMs, to)
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
    this.#known = this.#watched.some((minute) => minute >= at - unwatchedMs && minute <= at)
  }

  summary(now: number): AlarmSummaryCell {
    const rings = this.#rings.filter((at) => at <= now)
    const summary = summaryCell([...this.cells.values()], rings, now)
    return this.#known ? summary : { ...summary, known: false }
  }
}
