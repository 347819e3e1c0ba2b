import { randomUUID } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { stat } from 'node:fs/promises'
import { createGunzip } from 'node:zlib'
import { metricByCode } from '@yiping/contract'
import type { Pool, Queryable } from './connection.ts'
import { csvRecords } from './import-csv.ts'
import { openParquet } from './import-parquet.ts'
import { importReadings, type ImportOptions } from './import-readings.ts'
import type { ImportPoint, ImportRecord } from './import-record.ts'
import { fileKey, type ImportState, loadImportState, noneImported } from './import-state.ts'
import { dropLease, takeLease } from './lease.ts'
import { loadRegistry } from './load-registry.ts'
import { markImported } from './mark-imported.ts'
import { repairDirty } from './repair.ts'

export type ImportFileOptions = Pick<ImportOptions, 'now' | 'retentionMs' | 'batchRows' | 'onRefused'> & {
  /** Read it again although it is in: every row is a duplicate then. */
  again?: boolean
  /** `share` of the file that has been read, 0 … 1. */
  onProgress?: (state: ImportState, share: number) => void
}
export interface ImportedFile {
  state: ImportState
  /** Rows that an earlier run had stored before it was broken off. */
  before: number
  /** An earlier run had come to the end: nothing was done. */
  already: boolean
}

/** Who is registered, for an import. */
export async function importStations(db: Queryable): Promise<ImportOptions['station']> {
  const stations = new Map<string, Map<string, ImportPoint>>()
  for (const { code, points } of await loadRegistry(db))
    stations.set(
      code,
      new Map(points.map((p) => [p.metric, { id: p.id, physical: metricByCode.get(p.metric)?.physical ?? { min: -Infinity, max: Infinity } }])),
    )
  return (code) => stations.get(code)
}

/** Loads a CSV (.gz is unpacked) or Parquet file, or goes on where an earlier run of the same file was broken off. */
export async function importFile(pool: Pool, path: string, options: ImportFileOptions): Promise<ImportedFile> {
  return importSource(pool, { key: await fileKey(path), path, open: (skip) => open(path, skip) }, options)
}

export interface ImportSource {
  /** Which one it is, whenever it comes again. */
  key: string
  path: string
  /** The records after the first `skip`, and how much of all has been read. */
  open: (skip: number) => Promise<{ records: AsyncIterable<ImportRecord[]>; share: (state: ImportState) => number }>
}

/** Loads whatever has the same records in the same order each time that it is opened. */
export async function importSource(pool: Pool, { key, path, open }: ImportSource, options: ImportFileOptions): Promise<ImportedFile> {
  const kept = await loadImportState(pool, key, path)
  if (kept.done && !options.again) return { state: kept, before: kept.read, already: true }
  const state = kept.done ? noneImported(kept.file) : kept
  const { records, share } = await open(state.read)
  const done = await importReadings(pool, records, {
    ...options,
    state,
    key,
    station: await importStations(pool),
    onProgress: (s) => options.onProgress?.(s, share(s)),
  })
  return { state: await markImported(pool, key, done), before: state.read, already: false }
}

async function open(path: string, skip: number): Promise<{ records: AsyncIterable<ImportRecord[]>; share: (state: ImportState) => number }> {
  if (path.endsWith('.parquet')) {
    const { rows, records } = await openParquet(path)
    return { records: records(skip), share: (s) => (rows === 0 ? 1 : s.read / rows) }
  }
  const { size } = await stat(path)
  const raw = createReadStream(path, { highWaterMark: 1 << 18 })
  return { records: behind(csvRecords(path.endsWith('.gz') ? raw.pipe(createGunzip()) : raw), skip), share: () => (size === 0 ? 1 : raw.bytesRead / size) }
}

/** What comes after the first `skip`. */
export async function* behind(records: AsyncIterable<ImportRecord[]>, skip: number): AsyncGenerator<ImportRecord[]> {
  let left = skip
  for await (const some of records) {
    if (left >= some.length) left -= some.length
    else {
      yield left === 0 ? some : some.slice(left)
      left = 0
    }
  }
}

const lease = 'housekeeping'
const leaseMs = 60_000
const hoursPerTurn = 6

/**
 * Works the roll-ups of what was loaded out again, unless an ingest process keeps house: it does so by itself then, and false is
 * answered.
 */
export async function repairImported(pool: Pool, onTurn: (hours: number) => void = () => {}): Promise<boolean> {
  const holder = `import-${randomUUID()}`
  try {
    for (let hours = 0; ; ) {
      if (!(await takeLease(pool, lease, holder, leaseMs, [])).held) return false
      const turn = await repairDirty(pool, hoursPerTurn)
      hours += turn.hours
      if (turn.hours > 0) onTurn(hours)
      if (turn.hours < hoursPerTurn) return true
    }
  } finally {
    await dropLease(pool, lease, holder)
  }
}
