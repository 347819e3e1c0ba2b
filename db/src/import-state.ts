import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import { basename } from 'node:path'
import Type, { type Static } from 'typebox'
import { Parse } from 'typebox/value'
import type { Queryable } from './connection.ts'
import { loadIngestState, saveIngestState } from './ingest-state.ts'

const Whole = Type.Integer({ minimum: 0 })
/**
 * How far a file has come. It moves in the transaction that stores, so that whoever goes on after a kill neither leaves a row
 * out nor counts one twice.
 */
export const ImportState = Type.Object({
  file: Type.String(),
  read: Whole,
  stored: Whole,
  duplicate: Whole,
  conflict: Whole,
  refused: Whole,
  /** Hours (since 1970) that got readings, as runs of from ≤ h < to. */
  hours: Type.Array(Type.Tuple([Whole, Whole])),
  done: Type.Boolean(),
})
export type ImportState = Static<typeof ImportState>

export const noneImported = (file: string): ImportState => ({ file, read: 0, stored: 0, duplicate: 0, conflict: 0, refused: 0, hours: [], done: false })

const endBytes = 1 << 20

/** Which file it is, wherever it lies: by its size and its two ends. */
export async function fileKey(path: string): Promise<string> {
  const file = await open(path)
  try {
    const { size } = await file.stat()
    const hash = createHash('sha256').update(`${size}\n`)
    for (const at of [0, Math.max(0, size - endBytes)]) {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(endBytes), 0, endBytes, at)
      hash.update(buffer.subarray(0, bytesRead))
    }
    return `import:${hash.digest('hex').slice(0, 32)}`
  } finally {
    await file.close()
  }
}

export async function loadImportState(db: Queryable, key: string, path: string): Promise<ImportState> {
  const kept = await loadIngestState(db, key)
  if (kept === null) return noneImported(basename(path))
  return Parse(ImportState, JSON.parse(kept.state))
}
export const saveImportState = (db: Queryable, key: string, state: ImportState): Promise<void> => saveIngestState(db, key, JSON.stringify(state))

/** Runs of hours with some more in them. */
export function withHours(runs: readonly (readonly [number, number])[], hours: Iterable<number>): [number, number][] {
  const all = [...runs.map(([from, to]) => [from, to] as [number, number]), ...[...hours].map((h) => [h, h + 1] as [number, number])].sort(
    (a, b) => a[0] - b[0],
  )
  const out: [number, number][] = []
  for (const [from, to] of all) {
    const last = out.at(-1)
    if (last && from <= last[1]) last[1] = Math.max(last[1], to)
    else out.push([from, to])
  }
  return out
}
