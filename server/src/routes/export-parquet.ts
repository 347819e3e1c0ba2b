import { qualityFromCode } from '@yiping/contract'
import { ByteWriter, ParquetWriter, type SchemaElement } from 'hyparquet-writer'
import { columnsOf, type ExportColumn, type ExportPage, type ExportRequest, isSeconds } from './export-rows.ts'

/** Rows of a row group: what is in memory, and how long the server hears nothing else while it is packed. */
const groupRows = 16_384

const text = (name: string): SchemaElement => ({
  name,
  type: 'BYTE_ARRAY',
  converted_type: 'UTF8',
  logical_type: { type: 'STRING' },
  repetition_type: 'REQUIRED',
})
const number = (name: string): SchemaElement => ({ name, type: 'DOUBLE', repetition_type: 'REQUIRED' })
/** What only meters or states have. */
const isOptional = (column: ExportColumn): boolean => column === 'counted' || isSeconds(column)
const columnName = (column: ExportColumn): string => (isSeconds(column) ? `${column}_s` : column)
const columnElement = (column: ExportColumn): SchemaElement =>
  isOptional(column)
    ? { name: columnName(column), type: 'DOUBLE', repetition_type: 'OPTIONAL' }
    : column === 'quality'
      ? text(column)
      : column === 'count'
        ? { name: column, type: 'INT32', repetition_type: 'REQUIRED' }
        : number(column)

const names = ['station', 'name', 'metric', 'metric_name_zh', 'unit'] as const

function schemaOf(columns: readonly ExportColumn[]): SchemaElement[] {
  const elements = [
    ...names.map(text),
    {
      name: 'time',
      type: 'INT64',
      converted_type: 'TIMESTAMP_MILLIS',
      logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' },
      repetition_type: 'REQUIRED',
    } satisfies SchemaElement,
    ...columns.map(columnElement),
  ]
  return [{ name: 'export', num_children: elements.length }, ...elements]
}

/** The pages as one Parquet file, a row group in memory at a time; the footer comes last and counts the rows. */
export async function* exportParquet(request: ExportRequest, pages: AsyncIterable<ExportPage>): AsyncGenerator<Uint8Array> {
  const columns = columnsOf(request)
  const out = new ByteWriter()
  const writer = new ParquetWriter({
    writer: out,
    schema: schemaOf(columns),
    createdBy: 'yiping',
    kvMetadata: [
      { key: 'zone', value: request.zone },
      { key: 'bucket', value: request.tier },
      { key: 'from', value: new Date(request.from).toISOString() },
      { key: 'to', value: new Date(request.to).toISOString() },
    ],
  })
  const taken = (): Uint8Array => {
    const bytes = out.getBytes().slice()
    out.index = 0
    return bytes
  }
  let group: ExportPage[] = []
  let rows = 0
  const gathered = <T>(put: (into: T[], page: ExportPage, from: number) => void): T[] => {
    const data = new Array<T>(rows)
    let from = 0
    for (const page of group) {
      put(data, page, from)
      from += page.t.length
    }
    return data
  }
  const pack = async (): Promise<Uint8Array> => {
    const strings = names.map((name, i) => ({
      name,
      data: gathered<string>((data, page, from) => data.fill(namesOf(page.point)[i] ?? '', from, from + page.t.length)),
      statistics: name === 'station' || name === 'metric',
    }))
    const time = {
      name: 'time',
      data: gathered<bigint>((data, { t }, from) => {
        for (let i = 0; i < t.length; i += 1) data[from + i] = BigInt(t[i] ?? 0)
      }),
      encoding: 'DELTA_BINARY_PACKED' as const,
    }
    const numbers = columns.map((name, c) => {
      const data = gathered<number | null>((data, page, from) => {
        const column = page.columns[c] ?? []
        for (let i = 0; i < column.length; i += 1) data[from + i] = column[i] ?? (isOptional(name) ? null : 0)
      })
      return { name: columnName(name), data: name === 'quality' ? data.map((code) => qualityFromCode(code ?? 0)) : data }
    })
    // One page a column: a row group is no larger than a page may be.
    await writer.write({ columnData: [...strings, time, ...numbers], rowGroupSize: rows, pageSize: 0 })
    group = []
    rows = 0
    return taken()
  }
  for await (const page of pages) {
    group.push(page)
    rows += page.t.length
    if (rows >= groupRows) yield await pack()
  }
  if (rows > 0) yield await pack()
  await writer.finish()
  yield taken()
}

const namesOf = ({ station, metric }: ExportPage['point']): string[] => [
  station.registered.code,
  station.registered.name,
  metric.code,
  metric.name.zh,
  metric.unit,
]
