import type { Readable } from 'node:stream'
import type { ImportRecord } from './import-record.ts'

/** Columns by what they may be called: our own files, the export of the page, what people write. */
const names = {
  station: ['station'],
  metric: ['metric'],
  time: ['ts', 'time', 'observed_at', 'observed_at_ms'],
  value: ['value'],
  quality: ['quality'],
} as const
type Column = keyof typeof names

/** Where the columns stand in a header line; a column that is missing is a fault of the whole file. */
export function columnsIn(header: readonly string[]): Record<Column, number> {
  // An export names the unit and the zone behind them: `time [Asia/Shanghai]`.
  const known = header.map((name) =>
    name
      .replace(/\s*\[[^\]]*\]\s*$/, '')
      .trim()
      .toLowerCase(),
  )
  const at = (column: Column): number => known.findIndex((name) => (names[column] as readonly string[]).includes(name))
  const found = { station: at('station'), metric: at('metric'), time: at('time'), value: at('value'), quality: at('quality') }
  const missing = (Object.keys(found) as Column[]).filter((c) => c !== 'quality' && found[c] < 0)
  if (missing.length > 0)
    throw new Error(`the header names no column ${missing.map((c) => names[c].join(' or ')).join(', ')}: it reads ${header.join(',').slice(0, 200)}`)
  return found
}

/** The cells of a line after RFC 4180; null where a quote is left open. */
export function cellsOf(line: string): string[] | null {
  if (!line.includes('"')) return line.split(',')
  const cells: string[] = []
  for (let at = 0; ; ) {
    let cell = ''
    if (line[at] === '"') {
      for (at += 1; ; ) {
        const end = line.indexOf('"', at)
        if (end < 0) return null
        cell += line.slice(at, end)
        at = end + 1
        if (line[at] !== '"') break
        cell += '"'
        at += 1
      }
      if (at < line.length && line[at] !== ',') return null
    } else {
      const end = line.indexOf(',', at)
      cell = line.slice(at, end < 0 ? line.length : end)
      at += cell.length
    }
    cells.push(cell)
    if (at >= line.length) return cells
    at += 1
  }
}

/** Lines of a stream, some thousand at a time. */
async function* linesOf(input: Readable): AsyncGenerator<string[]> {
  const decoder = new TextDecoder()
  let rest = ''
  for await (const chunk of input as AsyncIterable<Uint8Array | string>) {
    const lines = (rest + (typeof chunk === 'string' ? chunk : decoder.decode(chunk, { stream: true }))).split('\n')
    rest = lines.pop() ?? ''
    yield lines
  }
  if (rest !== '') yield [rest]
}

/** The records of a CSV file, with the number of their line. The first line is the header. */
export async function* csvRecords(input: Readable): AsyncGenerator<ImportRecord[]> {
  let columns: Record<Column, number> | null = null
  let width = 0
  let line = 0
  for await (const lines of linesOf(input)) {
    const records: ImportRecord[] = []
    for (const raw of lines) {
      line += 1
      const text = raw.endsWith('\r') ? raw.slice(0, -1) : raw
      if (columns === null) {
        const header = cellsOf(text.replace(/^\uFEFF/, '')) ?? []
        columns = columnsIn(header)
        width = header.length
        continue
      }
      if (text === '') continue
      const cells = cellsOf(text)
      records.push(
        cells === null || cells.length !== width
          ? { line, text, fault: cells === null ? 'a quote is left open' : `${cells.length} cells in place of ${width}` }
          : {
              line,
              text,
              station: cells[columns.station],
              metric: cells[columns.metric],
              time: cells[columns.time],
              value: cells[columns.value],
              quality: columns.quality < 0 ? undefined : cells[columns.quality],
            },
      )
    }
    if (records.length > 0) yield records
  }
  if (columns === null) throw new Error('the file is empty: it has no header')
}
