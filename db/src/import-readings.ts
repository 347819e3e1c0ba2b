import { advanceLatest } from './advance-latest.ts'
import type { Pool } from './connection.ts'
import type { CopyRow } from './copy-binary.ts'
import { type CopyBatch, copyBatch, copyReadings } from './copy-readings.ts'
import { loadDecimals } from './decimals.ts'
import { type ImportContext, type ImportRecord, type ImportRefusal, isRefusal, judgeRecord } from './import-record.ts'
import { storeImportRefusals } from './import-rejections.ts'
import { type ImportState, saveImportState, withHours } from './import-state.ts'

export interface ImportOptions extends Pick<ImportContext, 'station' | 'retentionMs'> {
  now: () => number
  /** How far it has come already: `records` go on behind it. */
  state: ImportState
  /** Where that is kept; null: nowhere, as of a stream that does not come again. */
  key: string | null
  /** Rows per transaction. */
  batchRows?: number
  onProgress?: (state: ImportState) => void
  onRefused?: (refusal: ImportRefusal) => void
}

const hourMs = 3_600_000

/**
 * Stores the records of a file, the next batch being read while the one before is stored. Each batch commits by itself,
 * together with its account, its refusals and how far the file has come. Roll-ups are left to `markImported`.
 */
export async function importReadings(pool: Pool, records: AsyncIterable<ImportRecord[]>, options: ImportOptions): Promise<ImportState> {
  const { now, key, batchRows = 10_000 } = options
  const decimals = await loadDecimals(pool)
  let state = options.state
  let rows: CopyRow[] = []
  let refused: ImportRefusal[] = []
  let storing: Promise<void> = Promise.resolve()
  let repeats = false
  /** The newest of each point that is in the database for certain. */
  const newest = new Map<number, number>()

  const store = async (rows: CopyRow[], batch: CopyBatch, refused: ImportRefusal[]): Promise<void> => {
    const receivedAt = now()
    let next = state
    const moved = newestOf(rows).filter((r) => r.observedAt > (newest.get(r.pointId) ?? Number.NEGATIVE_INFINITY))
    const outcome = await copyReadings(pool, batch, receivedAt, decimals, {
      refused: refused.length,
      expectRepeats: repeats,
      also: async (db, { stored, duplicate, conflict }) => {
        next = {
          ...state,
          read: state.read + rows.length + refused.length,
          stored: state.stored + stored,
          duplicate: state.duplicate + duplicate,
          conflict: state.conflict + conflict,
          refused: state.refused + refused.length,
          hours: withHours(state.hours, new Set(rows.map((r) => Math.floor(r.observedAt / hourMs)))),
        }
        if (moved.length > 0) await advanceLatest(db, moved, receivedAt)
        await storeImportRefusals(db, state.file, refused, receivedAt)
        if (key !== null) await saveImportState(db, key, next)
      },
    })
    repeats = outcome.stored < rows.length
    for (const r of moved) newest.set(r.pointId, r.observedAt)
    state = next
    options.onProgress?.(state)
  }
  /** Waits for the batch before, and leaves this one under way. */
  const flush = async (): Promise<void> => {
    const next = [rows, copyBatch(rows), refused] as const
    rows = []
    refused = []
    await storing
    storing = next[0].length + next[2].length === 0 ? Promise.resolve() : store(...next)
    // Awaited by the next flush; until then its fault is nobody's surprise.
    storing.catch(() => {})
  }
  for await (const some of records) {
    const context = { station: options.station, retentionMs: options.retentionMs, now: now() }
    for (const record of some) {
      const verdict = judgeRecord(record, context)
      if (isRefusal(verdict)) {
        refused.push(verdict)
        options.onRefused?.(verdict)
      } else rows.push(verdict)
      if (rows.length + refused.length >= batchRows) await flush()
    }
  }
  await flush()
  await storing
  return state
}

function newestOf(rows: readonly CopyRow[]): CopyRow[] {
  const newest = new Map<number, CopyRow>()
  for (const row of rows) {
    const known = newest.get(row.pointId)
    if (known === undefined || row.observedAt > known.observedAt) newest.set(row.pointId, row)
  }
  return [...newest.values()]
}
