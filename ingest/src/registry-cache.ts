import { closeSync, mkdirSync, openSync, readFileSync, renameSync, writeSync } from 'node:fs'
import { dirname } from 'node:path'
import { DomainCode } from '@yiping/contract'
import type { RegisteredStation } from '@yiping/db'
import Type from 'typebox'
import { Compile } from 'typebox/compile'

const version = 2
const Head = Compile(Type.Object({ version: Type.Literal(version), stations: Type.Integer() }))
const [text, number] = [Type.Union([Type.String(), Type.Null()]), Type.Union([Type.Number(), Type.Null()])]
const Station = Compile(
  Type.Object({
    ...{ id: Type.Integer(), code: Type.String(), name: Type.String(), kind: Type.String(), domain: DomainCode, district: text, lon: number, lat: number },
    ...{ gateway: text, origin: text, maintenance: Type.Boolean(), owner: text, feeder: text, createdAt: Type.Number() },
    points: Type.Array(Type.Object({ id: Type.Integer(), metric: Type.String(), intervalS: Type.Number() })),
  }),
)
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
    const { stations } = Head.Parse(JSON.parse(head ?? ''))
    // One that was cut off would make strangers of those who are missing.
    return stations === lines.length ? lines.map((line) => Station.Parse(JSON.parse(line))) : null
  } catch {
    return null
  }
}
