import { createHash } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { metricByCode } from '@yiping/contract'
import { createPool, type Pool } from '../connection.ts'
import { historyChannel } from '../channels.ts'
import { behind, importSource, importStations, repairImported } from '../import-file.ts'
import { fileKey } from '../import-state.ts'
import { notify } from '../notify.ts'
import { account, teller } from '../run-import.ts'
import { argumentsOf } from './arguments.ts'
import { readThingsboardMap, type ThingsboardMap } from './mapping.ts'
import { readSheets } from './read-sheets.ts'
import type { PointRecord } from './register.ts'
import { rehearsalText, rehearseRecords } from './rehearse-records.ts'
import { importRegister, tellRegister } from './run-import-register.ts'
import { placeOf, type Sheet, SheetError } from './sheet.ts'
import { deviceSheet, readTelemetry, type TelemetryFile, telemetryRecords } from './thingsboard.ts'

export interface MovingOptions {
  apply: boolean
  again: boolean
  skipRefused: boolean
  retentionMs: number
  print: (line: string) => void
}

/** An answer of the API is read whole; whoever asks for more asks by month. */
const mostBytes = 256 << 20

/** Devices first, so that the stations are there when their telemetry comes. Every file is read before anything is written. */
export async function importThingsboard(pool: Pool, files: readonly string[], map: ThingsboardMap, options: MovingOptions): Promise<{ refused: number }> {
  const { apply, print } = options
  const lists: Sheet[] = []
  const telemetry: TelemetryFile[] = []
  for (const file of files) {
    if (!/\.json$/i.test(file)) {
      for (const found of await readSheets(file)) {
        const { sheet, left } = deviceSheet(found, map)
        lists.push(sheet)
        if (left.length > 0) print(`note     ${placeOf(sheet, 1)}: devices; the mapping has nothing of ${left.join(', ')}`)
      }
      continue
    }
    const size = await stat(file).then(
      (s) => s.size,
      () => null,
    )
    if (size === null) throw new SheetError(`${file}: cannot be read`)
    if (size > mostBytes) throw new SheetError(`${file}: is larger than ${mostBytes >> 20} MiB: ask ThingsBoard for shorter spans`)
    telemetry.push(readTelemetry(file, await readFile(file, 'utf8'), map))
  }
  let refused = 0
  let planned: readonly PointRecord[] = []
  if (lists.length > 0) {
    const register = { apply, skipRefused: options.skipRefused, as: 'stations' as const, json: false }
    const done = await importRegister(pool, lists, register)
    tellRegister(done, register, print)
    refused += done.counts.refused
    planned = done.plan.write.points
    if (apply && !done.applied) return { refused }
  }
  for (const some of telemetry) {
    for (const note of some.notes) print(`note     ${note}`)
    refused += await (apply ? store(pool, some, map, options) : rehearse(pool, some, planned, options))
  }
  if (telemetry.length > 0 && apply) {
    await notify(pool, historyChannel, '')
    if (!(await repairImported(pool))) print('roll-ups: left to the ingest process that keeps house')
    await notify(pool, historyChannel, '')
  }
  if (!apply && telemetry.length > 0) print('nothing is written: this is what --apply would do')
  return { refused }
}

async function rehearse(pool: Pool, file: TelemetryFile, planned: readonly PointRecord[], { retentionMs, print }: MovingOptions): Promise<number> {
  const there = await importStations(pool)
  // Points that the same run makes are as good as there.
  const station = (code: string): ReturnType<typeof there> => {
    const made = planned.filter((p) => p.station === code)
    const known = made.map(({ metric }) => [metric, { id: 0, physical: metricByCode.get(metric)?.physical ?? { min: -Infinity, max: Infinity } }] as const)
    return made.length === 0 ? there(code) : new Map([...known, ...(there(code) ?? [])])
  }
  const context = { station, retentionMs, now: Date.now() }
  const found = await rehearseRecords(
    telemetryRecords(file),
    context,
    teller((line) => print(`${file.file}: ${line}`)),
  )
  for (const line of rehearsalText(found)) print(`${file.file}: ${line}`)
  return found.refused
}

async function store(pool: Pool, file: TelemetryFile, map: ThingsboardMap, { again, retentionMs, print }: MovingOptions): Promise<number> {
  // Read by another mapping it is another file.
  const key = `${await fileKey(file.file)}:${createHash('sha256').update(JSON.stringify(map)).digest('hex').slice(0, 8)}`
  const rows = file.series.reduce((n, s) => n + s.values.length, 0)
  const source = {
    key,
    path: file.file,
    open: async (skip: number) => ({ records: behind(telemetryRecords(file), skip), share: (s: { read: number }) => (rows === 0 ? 1 : s.read / rows) }),
  }
  const onRefused = teller((line) => print(`${file.file}: ${line}`))
  const { state, already } = await importSource(pool, source, { now: Date.now, retentionMs, again, onRefused })
  print(`${file.file}: ${already ? 'is in since an earlier run: ' : ''}${account(state)}${already ? ' (--again reads it once more)' : ''}`)
  return already ? 0 : state.refused
}

/** `import-thingsboard --map MAP.json FILE… [--apply] [--skip-refused] [--again]` */
export async function runThingsboard(url: string, args: readonly string[], retentionMs: number, print: (line: string) => void): Promise<void> {
  const { named, flags, rest } = argumentsOf(args, ['--map'], ['--apply', '--again', '--skip-refused'])
  if (rest.length === 0) throw new Error('name a file: a list of devices (CSV, Excel), or telemetry (JSON)')
  const file = named.get('--map')
  if (file === undefined) throw new Error('--map MAP.json says which device and key is which station and metric (docs/moving.md)')
  const map = await readThingsboardMap(file)
  const pool = createPool({ connectionString: url, applicationName: 'yiping-import', max: 2 })
  try {
    const options = { apply: flags.has('--apply'), again: flags.has('--again'), skipRefused: flags.has('--skip-refused'), retentionMs, print }
    const { refused } = await importThingsboard(pool, rest, map, options)
    if (refused > 0) process.exitCode = 1
  } finally {
    await pool.end()
  }
}
