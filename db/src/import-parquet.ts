import { gunzipSync } from 'node:zlib'
import { asyncBufferFromFile, parquetMetadataAsync, parquetReadObjects, parquetSchema } from 'hyparquet'
import { columnsIn } from './import-csv.ts'
import type { ImportRecord } from './import-record.ts'

/** Rows that are taken out of the file at a time, at most: a row group may be the whole file. */
const portionRows = 50_000

export interface ParquetSource {
  rows: number
  /** The records after the first `skip`; `line` is the number of the row, from 1. */
  records: (skip: number) => AsyncGenerator<ImportRecord[]>
}

/** A Parquet file with the same columns as a CSV; uncompressed, Snappy or gzip. */
export async function openParquet(path: string): Promise<ParquetSource> {
  const file = await asyncBufferFromFile(path)
  const metadata = await parquetMetadataAsync(file)
  const header = parquetSchema(metadata).children.map((child) => child.element.name)
  const at = columnsIn(header)
  const column = (index: number): string => header[index] ?? ''
  const columns = Object.values(at).filter((index) => index >= 0)
  const rows = Number(metadata.num_rows)
  async function* records(skip: number): AsyncGenerator<ImportRecord[]> {
    for (let from = skip; from < rows; from += portionRows) {
      const portion = await parquetReadObjects({
        file,
        metadata,
        columns: columns.map(column),
        rowStart: from,
        rowEnd: Math.min(rows, from + portionRows),
        compressors: { GZIP: (input) => new Uint8Array(gunzipSync(input)) },
      })
      yield portion.map((row, i) => ({
        line: from + i + 1,
        text: () => JSON.stringify(row, (_, value: unknown) => (typeof value === 'bigint' ? String(value) : value)),
        station: row[column(at.station)],
        metric: row[column(at.metric)],
        time: plain(row[column(at.time)]),
        value: plain(row[column(at.value)]),
        quality: at.quality < 0 ? undefined : (plain(row[column(at.quality)]) ?? ''),
      }))
    }
  }
  return { rows, records }
}

/** Whole numbers of 64 bits come as bigint, timestamps as Date. */
function plain(value: unknown): unknown {
  if (typeof value === 'bigint') return Number(value)
  return value instanceof Date ? value.getTime() : value
}
