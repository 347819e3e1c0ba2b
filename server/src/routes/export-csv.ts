import { qualityFromCode } from '@yiping/contract'
import { csvCell, csvLine, csvMark } from './csv.ts'
import { columnsOfTier, type ExportPage, type ExportRequest } from './export-rows.ts'
import { zoneClock } from './zone-clock.ts'

/** In one line: a row is a line, so that lines can be counted and the last whole one is found. */
const oneLine = (text: string): string => text.replace(/[\r\n]+/g, ' ')

/** Names of the columns, the zone with the times and the units with the values, where a spreadsheet keeps them in sight. */
export function csvHead({ points, tier, zone }: Pick<ExportRequest, 'points' | 'tier' | 'zone'>): string {
  const units = [...new Set(points.map((p) => p.metric.unit))].join(' | ')
  const columns = columnsOfTier(tier).map((c) => (c === 'quality' || c === 'count' ? c : `${c} [${units}]`))
  return csvMark + csvLine(['station', 'name', 'metric', 'metric_name_zh', 'unit', `time [${zone}]`, ...columns])
}

/** The pages as CSV. What follows a cursor has no header. */
export async function* exportCsv(request: ExportRequest, pages: AsyncIterable<ExportPage>): AsyncGenerator<string> {
  const time = zoneClock(request.zone)
  if (request.after === null) yield csvHead(request)
  const raw = request.tier === 'raw'
  for await (const { point, t, columns } of pages) {
    const { code, name } = point.station.registered
    const head = [code, oneLine(name), point.metric.code, point.metric.name.zh, point.metric.unit].map(csvCell).join(',')
    const [a = [], b = [], c = [], d = []] = columns
    let text = ''
    for (const [i, at] of t.entries())
      text += raw ? `${head},${time(at)},${a[i]},${qualityFromCode(b[i] ?? 2)}\r\n` : `${head},${time(at)},${a[i]},${b[i]},${c[i]},${d[i]}\r\n`
    yield text
  }
}
