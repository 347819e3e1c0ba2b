import { createReadStream } from 'node:fs'
import { createInterface } from 'node:readline'
import { createGunzip } from 'node:zlib'

/** The cells of a line (RFC 4180 without line breaks inside cells). */
export function cells(line: string): string[] {
  if (!line.includes('"')) return line.split(',')
  const out: string[] = []
  for (const found of line.matchAll(/(?:^|,)(?:"((?:[^"]|"")*)"|([^,]*))/g)) out.push(found[1]?.replaceAll('""', '"') ?? found[2] ?? '')
  return out
}

/** The rows of a CSV file, plain or gzip, header first. Empty lines are no rows. */
export async function* rowsOf(file: string): AsyncGenerator<string[]> {
  const raw = createReadStream(file)
  const text = file.endsWith('.gz') ? raw.pipe(createGunzip()) : raw
  // `pipe` forwards no faults.
  raw.on('error', (error) => text.destroy(error))
  let first = true
  for await (const line of createInterface({ input: text, crlfDelay: Number.POSITIVE_INFINITY })) {
    const clean = first ? line.replace(/^\uFEFF/, '') : line
    first = false
    if (clean.trim() !== '') yield cells(clean)
  }
}
