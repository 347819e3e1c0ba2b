import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import type { RegisteredStation } from '@yiping/db'

const version = 2
/** Lines go to the file in pieces: of half a million points a single text takes more than what ingest may have altogether. */
const pieceLength = 65_536

/** The registry as last loaded, a station a line, so that ingest can tell points apart while the database is away. */
export function saveRegistry(file: string, stations: readonly RegisteredStation[]): void {
  mkdirSync(dirname(file), { recursive: true })
  const draft = `${file}.new`
  const descriptor = openSync(draft, 'w')
  try {
    let piece = `${JSON.stringify({ version, stations: stations.length })}\n`
    for (const station of stations) {
      piece += `${JSON.stringify(station)}\n`
      if (piece.length < pieceLength) continue
      writeSync(descriptor, piece)
      piece = ''
    }
    writeSync(descriptor, piece)
  } finally {
    closeSync(descriptor)
  }
  renameSync(draft, file)
}

/** Null when there is none, or none that can be read. */
export function readRegistry(file: string): RegisteredStation[] | null {
  try {
    const [head, ...lines] = readFileSync(file, 'utf8').trimEnd().split('\n')
    const saved: unknown = JSON.parse(head ?? '')
    if (typeof saved !== 'object' || saved === null || !('version' in saved) || saved.version !== version) return null
    // One that was cut off would make strangers of those who are missing.
    if (!('stations' in saved) || saved.stations !== lines.length) return null
    return lines.map((line) => JSON.parse(line) as RegisteredStation)
  } catch {
    return null
  }
}
