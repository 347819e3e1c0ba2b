import { createHash } from 'node:crypto'
import Type from 'typebox'
import { Parse } from 'typebox/value'
import { historyChannel } from '../channels.ts'
import { createPool, type Pool } from '../connection.ts'
import { importStations, repairImported } from '../import-file.ts'
import { importReadings } from '../import-readings.ts'
import type { ImportRecord, ImportRefusal } from '../import-record.ts'
import { ImportState, noneImported } from '../import-state.ts'
import { loadIngestState } from '../ingest-state.ts'
import { inTransaction } from '../in-transaction.ts'
import { markImported } from '../mark-imported.ts'
import { notify } from '../notify.ts'
import { account, teller } from '../run-import.ts'
import { argumentsOf } from './arguments.ts'
import { readTelegrafMap, type TelegrafMap } from './mapping.ts'
import { rehearsalText, rehearseRecords } from './rehearse-records.ts'
import { rowRecords, telegrafRows, telegrafTable, type TelegrafRow, type TelegrafTable } from './telegraf.ts'

export interface TelegrafOptions {
  from: string
  schema: string
  table: string
  map: TelegrafMap
  apply: boolean
  /** From the beginning, although an earlier run has been there. */
  again: boolean
  retentionMs: number
  print: (line: string) => void
}

/** How far a table has come: everything before `until` (epoch ms) is in. What comes again is a duplicate, and counted as that. */
const TelegrafState = Type.Object({ ...ImportState.properties, until: Type.Number() })

const dayMs = 86_400_000
/** Rows come late: the days of which some may still come are read again by the next run. */
const settledMs = 2 * dayMs

/** Reads a table of Telegraf's day by day, oldest first; broken off, the next run goes on with the day that it was at. */
export async function importTelegraf(pool: Pool, options: TelegrafOptions): Promise<{ refused: number }> {
  const { from, schema, table, map, apply, print, retentionMs } = options
  const name = `${schema}.${table}`
  const { hostname, port, pathname } = new URL(from)
  const key = `import:${createHash('sha256')
    .update(JSON.stringify([hostname, port, pathname, schema, table, map]))
    .digest('hex')
    .slice(0, 32)}`
  const kept = options.again ? null : await loadIngestState(pool, key)
  const since = kept === null ? null : Parse(TelegrafState, JSON.parse(kept.state))
  if (since !== null) print(`${name}: goes on from ${new Date(since.until).toISOString()}`)
  const source = createPool({ connectionString: from, applicationName: 'yiping-import', max: 1 })
  const onRefused = teller((line) => print(`${name}: ${line}`))
  try {
    return await inTransaction(source, async (db) => {
      await db.query('set transaction isolation level repeatable read, read only')
      const layout = await telegrafTable(db, schema, table, map)
      const days = daysOf(telegrafRows(db, layout, since?.until ?? -8e12), layout, map)
      if (!apply) {
        const found = await rehearseRecords(all(days), { station: await importStations(pool), retentionMs, now: Date.now() }, onRefused)
        for (const line of rehearsalText(found)) print(`${name}: ${line}`)
        print('nothing is written: this is what --apply would do')
        return { refused: found.refused }
      }
      const state = await store(pool, key, since ?? { ...noneImported(name), until: 0 }, days, { retentionMs, onRefused, print })
      print(`${name}: ${account(state)}`)
      return { refused: state.refused - (since?.refused ?? 0) }
    })
  } finally {
    await source.end()
  }
}

interface Day {
  /** Its end, epoch ms. */
  until: number
  records: AsyncGenerator<ImportRecord[]>
}

async function store(
  pool: Pool,
  key: string,
  since: Type.Static<typeof TelegrafState>,
  days: AsyncGenerator<Day>,
  { retentionMs, onRefused, print }: { retentionMs: number; onRefused: (refusal: ImportRefusal) => void; print: (line: string) => void },
): Promise<Type.Static<typeof TelegrafState>> {
  const { rows } = await pool.query<{ small: boolean }>("select version() like '%emcc%' as small")
  const station = await importStations(pool)
  let state = since
  let said = Date.now()
  for await (const { until, records } of days) {
    const batchRows = rows[0]?.small === false ? 100_000 : 10_000
    const day = await importReadings(pool, records, { now: Date.now, retentionMs, batchRows, station, onRefused, state: noneImported(state.file), key: null })
    const sum = (of: 'read' | 'stored' | 'duplicate' | 'conflict' | 'refused'): number => state[of] + day[of]
    state = {
      ...state,
      ...{ read: sum('read'), stored: sum('stored'), duplicate: sum('duplicate'), conflict: sum('conflict'), refused: sum('refused') },
      hours: day.hours,
      until: until <= Date.now() - settledMs ? until : state.until,
    }
    await markImported(pool, key, state)
    if (Date.now() - said < 2000) continue
    said = Date.now()
    print(`${state.file}: up to ${new Date(until).toISOString()}, ${account(state)}`)
  }
  if (state.stored > since.stored) {
    await notify(pool, historyChannel, '')
    if (!(await repairImported(pool))) print('roll-ups: left to the ingest process that keeps house')
    await notify(pool, historyChannel, '')
  }
  return state
}

/** Pages of rows as days of records. A day is to be read to its end before the next one is asked for. */
async function* daysOf(pages: AsyncGenerator<TelegrafRow[]>, table: TelegrafTable, map: TelegrafMap): AsyncGenerator<Day> {
  let rows: TelegrafRow[] = []
  let line = 0
  const more = async (): Promise<boolean> => {
    if (rows.length > 0) return true
    const page = await pages.next()
    rows = page.done === true ? [] : page.value
    return rows.length > 0
  }
  async function* day(until: number): AsyncGenerator<ImportRecord[]> {
    while (await more()) {
      const end = rows.findIndex((r) => r.ms >= until)
      const its = end < 0 ? rows : rows.slice(0, end)
      rows = end < 0 ? [] : rows.slice(end)
      yield its.flatMap((row) => rowRecords(table, map, row, ++line))
      if (end >= 0) return
    }
  }
  while (await more()) {
    const until = (Math.floor((rows[0]?.ms ?? 0) / dayMs) + 1) * dayMs
    yield { until, records: day(until) }
  }
}

async function* all(days: AsyncGenerator<Day>): AsyncGenerator<ImportRecord[]> {
  for await (const { records } of days) yield* records
}

/** `import-telegraf --from URL --table T --map MAP.json [--schema S] [--apply] [--again]` */
export async function runTelegraf(url: string, args: readonly string[], retentionMs: number, print: (line: string) => void): Promise<void> {
  const { named, flags, rest } = argumentsOf(args, ['--from', '--table', '--map', '--schema'], ['--apply', '--again'])
  const need = (name: string, what: string): string => {
    const value = named.get(name)
    if (value === undefined) throw new Error(`${name} ${what}`)
    return value
  }
  if (rest.length > 0) throw new Error(`${rest[0]} is not known here`)
  const from = need('--from', 'postgres://… is where Telegraf writes to')
  const table = need('--table', 'NAME is the measurement')
  const map = await readTelegrafMap(need('--map', 'MAP.json says which tag and field is which station and metric (docs/moving.md)'))
  const pool = createPool({ connectionString: url, applicationName: 'yiping-import', max: 2 })
  try {
    const options = {
      from,
      table,
      schema: named.get('--schema') ?? 'public',
      map,
      apply: flags.has('--apply'),
      again: flags.has('--again'),
      retentionMs,
      print,
    }
    const { refused } = await importTelegraf(pool, options)
    if (refused > 0) process.exitCode = 1
  } finally {
    await pool.end()
  }
}
