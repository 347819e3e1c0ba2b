import { qualityFromCode } from '@yiping/contract'
import { csvCell, csvLine, csvMark } from './csv.ts'
import { columnsOf, type ExportPage, type ExportRequest, isSeconds } from './export-rows.ts'
import { numberBytes, writeNumber } from './write-number.ts'
import { timeBytes, zoneClock } from './zone-clock.ts'

/** In one line: a row is a line, so that lines can be counted and the last whole one is found. */
const oneLine = (text: string): string => text.replace(/[\r\n]+/g, ' ')

/** Names of the columns, the zone with the times and the units with the values, where a spreadsheet keeps them in sight. */
export function csvHead({ points, tier, zone }: Pick<ExportRequest, 'points' | 'tier' | 'zone'>): string {
  const units = [...new Set(points.map((p) => p.metric.unit))].join(' | ')
  const columns = columnsOf({ points, tier }).map((c) => (c === 'quality' || c === 'count' ? c : `${c} [${isSeconds(c) ? 's' : units}]`))
  return csvMark + csvLine(['station', 'name', 'metric', 'metric_name_zh', 'unit', `time [${zone}]`, ...columns])
}

const qualityCells = [0, 1, 2].map((code) => Buffer.from(`,${qualityFromCode(code)}\r\n`))
const [comma, cr, lf] = [44, 13, 10]

/**
 * The pages as CSV. What follows a cursor has no header. Written into bytes by hand: as text a row would be made, joined and
 * encoded, and the collector would have more to do than the database.
 */
export async function* exportCsv(request: ExportRequest, pages: AsyncIterable<ExportPage>): AsyncGenerator<string | Buffer> {
  const time = zoneClock(request.zone)
  if (request.after === null) yield csvHead(request)
  const raw = request.tier === 'raw'
  for await (const { point, t, columns } of pages) {
    const { code, name } = point.station.registered
    const head = Buffer.from(`${[code, oneLine(name), point.metric.code, point.metric.name.zh, point.metric.unit].map(csvCell).join(',')},`)
    const out = Buffer.allocUnsafe(t.length * (head.length + timeBytes + columns.length * (numberBytes + 1) + 2))
    let o = 0
    for (const [i, at] of t.entries()) {
      o += head.copy(out, o)
      o = time.write(at, out, o)
      for (const [c, column] of columns.entries()) {
        if (raw && c === 1) break
        out[o++] = comma
        const value = column[i] ?? null
        if (value !== null) o = writeNumber(value, out, o)
      }
      if (raw) o += (qualityCells[columns[1]?.[i] ?? 2] ?? qualityCells[2] ?? head).copy(out, o)
      else {
        out[o++] = cr
        out[o++] = lf
      }
    }
    yield out.subarray(0, o)
  }
}
