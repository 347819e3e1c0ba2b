import { createInterface } from 'node:readline'
import type { Readable } from 'node:stream'
import type { Pool } from './connection.ts'
import type { CopyRow } from './copy-binary.ts'
import { copyReadings } from './copy-readings.ts'

export interface ImportProgress {
  read: number
  stored: number
  duplicate: number
  conflict: number
  refused: number
}
export interface ImportOptions {
  /** Resolves `station`, `metric` to the point's id. */
  pointOf: (station: string, metric: string) => number | undefined
  now: () => number
  /** Rows per transaction. */
  batchRows?: number
  onProgress?: (progress: ImportProgress) => void
  /** Called for a line that cannot be stored, with its number and why. */
  onRefused?: (line: number, why: string) => void
}

export const importHeader = 'station,metric,observed_at_ms,value,quality'

/**
 * Reads `station,metric,observed_at_ms,value,quality` lines and stores them, the next batch being read while the one
 * before is stored. Each batch commits by itself, so a broken import is continued by running it again. Roll-ups of the
 * touched span follow by `refreshRollups`.
 */
export async function importReadings(pool: Pool, input: Readable, options: ImportOptions): Promise<ImportProgress & { from: number; to: number }> {
  const batchRows = options.batchRows ?? 10_000
  const progress = { read: 0, stored: 0, duplicate: 0, conflict: 0, refused: 0, from: Number.POSITIVE_INFINITY, to: Number.NEGATIVE_INFINITY }
  let batch: CopyRow[] = []
  const newest = new Map<number, CopyRow>()
  let line = 0
  let storing: Promise<void> = Promise.resolve()
  /** Waits for the batch before, and leaves this one under way. */
  const flush = async (): Promise<void> => {
    await storing
    const rows = batch
    batch = []
    storing = rows.length === 0 ? Promise.resolve() : store(rows)
    // Awaited by the next flush; until then its fault is nobody's surprise.
    storing.catch(() => {})
  }
  const store = async (rows: CopyRow[]): Promise<void> => {
    const done = await copyReadings(pool, rows, options.now())
    progress.stored += done.stored
    progress.duplicate += done.duplicate
    progress.conflict += done.conflict
    options.onProgress?.(progress)
  }
  for await (const text of createInterface({ input, crlfDelay: Number.POSITIVE_INFINITY })) {
    line += 1
    if (line === 1) {
      if (text.replace(/^\uFEFF/, '') !== importHeader) throw new Error(`line 1: expected the header ${importHeader}`)
      continue
    }
    if (text === '') continue
    progress.read += 1
    const row = parseLine(text, options.pointOf)
    if (typeof row === 'string') {
      progress.refused += 1
      options.onRefused?.(line, row)
      continue
    }
    progress.from = Math.min(progress.from, row.observedAt)
    progress.to = Math.max(progress.to, row.observedAt)
    const known = newest.get(row.pointId)
    if (known === undefined || row.observedAt > known.observedAt) newest.set(row.pointId, row)
    batch.push(row)
    if (batch.length >= batchRows) await flush()
  }
  await flush()
  await storing
  await advanceLatest(pool, newest, options.now())
  return progress
}

function parseLine(text: string, pointOf: ImportOptions['pointOf']): CopyRow | string {
  const cells = text.split(',')
  const [station, metric, observed, value, quality] = cells
  if (cells.length !== 5 || station === undefined || metric === undefined) return `${cells.length} cells in place of 5`
  const pointId = pointOf(station, metric)
  if (pointId === undefined) return `no point ${station} ${metric}`
  const row = { pointId, observedAt: Number(observed), value: Number(value), quality: Number(quality) }
  if (observed === '' || !Number.isSafeInteger(row.observedAt)) return `time ${observed} is not epoch ms`
  if (value === '' || !Number.isFinite(row.value)) return `value ${value} is not finite`
  if (quality === '' || ![0, 1, 2].includes(row.quality)) return `quality ${quality} is not 0, 1 or 2`
  return row
}

/** Brings `latest` up to what was imported: COPY goes past it. Returns how many points moved. */
async function advanceLatest(pool: Pool, newest: ReadonlyMap<number, CopyRow>, receivedAt: number): Promise<number> {
  const rows = [...newest.values()]
  const { rowCount } = await pool.query(
    `insert into latest as l (point_id, observed_at, received_at, value, quality)
     select point_id, to_timestamp(observed_ms / 1000.0), to_timestamp($5::float8 / 1000), value, quality
     from unnest($1::int[], $2::float8[], $3::float8[], $4::smallint[]) as u(point_id, observed_ms, value, quality)
     on conflict (point_id) do update
       set observed_at = excluded.observed_at, received_at = excluded.received_at, value = excluded.value, quality = excluded.quality
       where l.observed_at < excluded.observed_at`,
    [rows.map((r) => r.pointId), rows.map((r) => r.observedAt), rows.map((r) => r.value), rows.map((r) => r.quality), receivedAt],
  )
  return rowCount ?? 0
}

/**
 * Refreshes the roll-ups of from … to (epoch ms) window by window, newest first: on the embedded database a refresh
 * stops everybody else, so each window is kept short, and a screen's day fills from now backwards.
 */
export async function refreshRollups(
  pool: Pool,
  from: number,
  to: number,
  onWindow: (done: number, of: number) => void = () => {},
  windowMs = 3_600_000,
): Promise<void> {
  await pool.query('analyze reading')
  const first = Math.floor(from / windowMs)
  const last = Math.floor(to / windowMs)
  for (let window = last; window >= first; window -= 1) {
    await refresh(pool, 'reading_1m', window * windowMs, (window + 1) * windowMs)
    onWindow(last - window + 1, last - first + 1)
  }
  await refresh(pool, 'reading_1h', Math.floor(from / 3_600_000) * 3_600_000, Math.ceil((to + 1) / 3_600_000) * 3_600_000)
}

async function refresh(pool: Pool, view: 'reading_1m' | 'reading_1h', from: number, to: number): Promise<void> {
  const iso = (ms: number): string => new Date(ms).toISOString()
  await pool.query(`call refresh_continuous_aggregate('${view}', '${iso(from)}'::timestamptz, '${iso(to)}'::timestamptz)`)
}
