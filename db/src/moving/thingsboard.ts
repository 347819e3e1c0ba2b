import { basename } from 'node:path'
import type { ImportRecord } from '../import-record.ts'
import { columns } from './columns.ts'
import { converted, type Target, type ThingsboardMap } from './mapping.ts'
import { type Cell, isBlank, type Sheet, SheetError } from './sheet.ts'

/** How many values ThingsBoard answers of a key unless `limit` says otherwise. */
const defaultLimit = 100

/**
 * A list of devices, as ThingsBoard's bulk import takes it, with the titles of stations over the columns that the mapping names:
 * cells stay where they are, so that what is refused is found in the file.
 */
export function deviceSheet(sheet: Sheet, map: ThingsboardMap): { sheet: Sheet; left: string[] } {
  const at = sheet.rows.findIndex((r) => !isBlank(r))
  const header = sheet.rows[at]
  if (header === undefined) return { sheet, left: [] }
  const titles = header.cells.map((c) => String(c ?? '').trim())
  const { devices = { code: 'name', name: 'label' }, stations = {} } = map
  const fields = Object.entries(devices).map(([field, source]) => {
    const { column, value, values = {} } = typeof source === 'string' ? { column: source } : source
    const from = column === undefined ? -1 : titles.findIndex((t) => t.toLowerCase() === column.toLowerCase())
    if (column !== undefined && from < 0)
      throw new SheetError(`${sheet.file}: the header names no column ${column}: it reads ${titles.join(',').slice(0, 200)}`)
    return { field, from, value: value ?? null, words: field === 'code' ? { ...values, ...stations } : values }
  })
  // The first field of a column stands there, a second one and what is the same for all behind the last.
  const places = fields.map((f, i) => (f.from >= 0 && fields.findIndex((o) => o.from === f.from) === i ? f.from : null))
  let next = titles.length
  const placed = fields.map((f, i) => ({ ...f, to: places[i] ?? next++ }))
  const rows = sheet.rows.map((row, i) => {
    if (i === at) {
      const cells: Cell[] = Array.from({ length: next }, () => null)
      for (const { field, to } of placed) cells[to] = Object.entries(columns.stations).find(([name]) => name === field)?.[1].en ?? field
      return { ...row, cells }
    }
    if (isBlank(row) || row.cells.length > titles.length) return row
    const cells: Cell[] = Array.from({ length: next }, (_, column) => row.cells[column] ?? null)
    for (const { from, value, words, to } of placed) {
      const cell = from < 0 ? value : (row.cells[from] ?? null)
      const text = typeof cell === 'string' ? cell.trim() : cell
      cells[to] = typeof text === 'string' && Object.hasOwn(words, text) ? (words[text] ?? null) : text
    }
    return { ...row, cells }
  })
  return { sheet: { ...sheet, rows }, left: titles.filter((t, i) => t !== '' && !fields.some((f) => f.from === i)) }
}

export interface TelemetryFile {
  file: string
  series: { station: string; key: string; target: Target; values: readonly unknown[] }[]
  /** What is worth a look. */
  notes: string[]
}

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * What `GET /api/plugins/telemetry/DEVICE/{id}/values/timeseries` answers: `{"key": [{"ts": …, "value": "…"}]}`; the file is named
 * after the device. Several devices may stand in one file, each by its name or id around that.
 */
export function readTelemetry(file: string, text: string, map: ThingsboardMap): TelemetryFile {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch (cause) {
    throw new SheetError(`${file}: is no JSON: ${cause instanceof Error ? cause.message : ''}`, { cause })
  }
  if (!isObject(raw)) throw new SheetError(`${file}: is no answer of the telemetry API, an object with a list for each key`)
  const stem = basename(file).replace(/\.json$/i, '')
  const several = Object.values(raw).length > 0 && Object.values(raw).every(isObject)
  const devices = several ? Object.entries(raw) : [[stem, raw] as const]
  const faults: string[] = []
  const notes: string[] = []
  const series = devices.flatMap(([device, keys]) => {
    const { stations = {} } = map
    const short = device.replace(/\.[^.]*$/, '')
    const station = stations[device] ?? stations[short] ?? device
    if (!isObject(keys)) return []
    return Object.entries(keys).flatMap(([key, values]) => {
      const target = map.keys?.[key]
      if (!Array.isArray(values)) faults.push(`${device}: ${key} is no list of values`)
      else if (target === undefined) faults.push(`${device}: the mapping has no key ${key}: name its metric, or null to leave it out`)
      else if (target !== null) {
        if (values.length === defaultLimit)
          notes.push(`${basename(file)}: ${key} has ${defaultLimit} values, as many as ThingsBoard answers without a \`limit\`: are these all?`)
        return [{ station, key, target, values: values as readonly unknown[] }]
      } else notes.push(`${basename(file)}: ${values.length} values of ${key} are left out, as the mapping says`)
      return []
    })
  })
  if (faults.length > 0) throw new SheetError(`${file}: ${faults.join('; ')}`)
  return { file, series, notes }
}

const portion = 5000

/** Values one by one; `line` counts them through the file. */
export async function* telemetryRecords({ series }: TelemetryFile): AsyncGenerator<ImportRecord[]> {
  let records: ImportRecord[] = []
  let line = 0
  for (const { station, key, target, values } of series)
    for (const value of values) {
      line += 1
      const text = (): string => JSON.stringify({ [key]: value })
      records.push(
        isObject(value)
          ? { line, text, station, metric: target.metric, time: value.ts, value: converted(value.value, target) }
          : { line, text, fault: `a value of ${key} is no {"ts": …, "value": …}` },
      )
      if (records.length < portion) continue
      yield records
      records = []
    }
  if (records.length > 0) yield records
}
