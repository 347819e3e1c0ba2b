import { mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import type { RegisteredStation } from '@yiping/db'

/** The registry as last loaded, so that ingest can tell points apart while the database is away. */
export function saveRegistry(file: string, stations: readonly RegisteredStation[]): void {
  mkdirSync(dirname(file), { recursive: true })
  const draft = `${file}.new`
  writeFileSync(draft, JSON.stringify({ version: 1, stations }))
  renameSync(draft, file)
}

/** Null when there is none, or none that can be read. */
export function readRegistry(file: string): RegisteredStation[] | null {
  try {
    const saved: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof saved !== 'object' || saved === null || !('version' in saved) || saved.version !== 1 || !('stations' in saved)) return null
    return Array.isArray(saved.stations) ? (saved.stations as RegisteredStation[]) : null
  } catch {
    return null
  }
}
