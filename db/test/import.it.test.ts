import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { Readable, Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { gzipSync } from 'node:zlib'
import { until } from '@yiping/contract/testing'
import { parquetWriteBuffer } from 'hyparquet-writer'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPool, type Pool } from '../src/connection.ts'
import { csvRecords } from '../src/import-csv.ts'
import { importFile, importStations, repairImported } from '../src/import-file.ts'
import { importReadings, type ImportOptions } from '../src/import-readings.ts'
import type { ImportRefusal } from '../src/import-record.ts'
import { noneImported } from '../src/import-state.ts'
import { loadBalance } from '../src/load-balance.ts'
import { loadConflicts } from '../src/load-conflicts.ts'
import { loadLatest } from '../src/load-latest.ts'
import { loadRegistry } from '../src/load-registry.ts'
import { loadRejections } from '../src/load-rejections.ts'
import { refreshRollups } from '../src/refresh-rollups.ts'
import { runConflicts } from '../src/run-conflicts.ts'
import { seedStations } from '../src/seed-stations.ts'
import { freshDatabase, type TestDatabase } from '../testing/index.ts'

const [minute, day] = [60_000, 86_400_000]
let database: TestDatabase
let pool: Pool
let folder: string
let station: ImportOptions['station']
let pressure: number
beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  folder = await mkdtemp(join(tmpdir(), 'yiping-import-'))
  const water = { kind: 'ws_pressure', domain: 'water' as const, district: null, lon: 113, lat: 34, gateway: null, origin: null }
  await seedStations(pool, [
    { ...water, code: 'WS-1', name: 'WS-1', metrics: ['ws.pressure', 'ws.flow'] },
    { ...water, code: 'WS-2', name: 'WS-2', metrics: ['ws.flow'] },
  ])
  station = await importStations(pool)
  pressure = (await loadRegistry(pool)).find((s) => s.code === 'WS-1')?.points.find((p) => p.metric === 'ws.pressure')?.id ?? 0
})
afterAll(async () => {
  await pool?.end()
  await database?.stop()
  await rm(folder, { recursive: true, force: true })
})

/** Midnight, a good while before now. */
const start = Math.floor(Date.now() / day) * day - 20 * day
const options = { now: () => Date.now(), retentionMs: 400 * day, batchRows: 500 }
const header = 'station,metric,observed_at_ms,value,quality'
const lines = (n: number, value: (i: number) => number): string[] => Array.from({ length: n }, (_, i) => `WS-1,ws.flow,${start + i * minute},${value(i)},0`)
const run = async (rows: string[], head = header, batchRows = options.batchRows) => {
  const refused: ImportRefusal[] = []
  const records = csvRecords(Readable.from([[head, ...rows].join('\n')]))
  const state = await importReadings(pool, records, { ...options, batchRows, station, state: noneImported('-'), key: null, onRefused: (r) => refused.push(r) })
  return { ...state, refusals: refused.map((r) => [r.line, r.reason]) }
}
const file = async (name: string, content: string | Uint8Array): Promise<string> => {
  await writeFile(join(folder, name), content)
  return join(folder, name)
}
const rowsStored = async (): Promise<number> => Number((await pool.query<{ n: number }>('select count(*)::int as n from reading')).rows[0]?.n)

describe('an import', () => {
  it('stores every line, and again every line is a duplicate', async () => {
    const rows = lines(1200, (i) => i)
    expect(await run(rows)).toMatchObject({
      read: 1200,
      stored: 1200,
      duplicate: 0,
      conflict: 0,
      refused: 0,
      hours: [[start / 3_600_000, start / 3_600_000 + 20]],
    })
    expect(await run(rows)).toMatchObject({ read: 1200, stored: 0, duplicate: 1200, conflict: 0 })
    expect(await rowsStored()).toBe(1200)
  })

  it('keeps the first of two values, in the table and in itself', async () => {
    expect(await run(lines(1500, (i) => (i === 7 ? 99 : i)))).toMatchObject({ stored: 300, duplicate: 1199, conflict: 1 })
    const at = start + 90_000_000
    expect(await run([`WS-2,ws.flow,${at},1,0`, `WS-2,ws.flow,${at},2,0`, `WS-2,ws.flow,${at},1,0`])).toMatchObject({ stored: 1, duplicate: 1, conflict: 1 })
    const { rows } = await pool.query('select value from plain_reading where observed_at = to_timestamp($1::float8 / 1000) and value < 3', [at])
    expect(rows).toEqual([{ value: 1 }])
  })

  it('lists the values that were not stored beside those that stay, by table and by command', async () => {
    const listed = (await loadConflicts(pool, { limit: 10 })).map((c) => [c.station, c.observedAt, c.keptValue, c.value, c.source])
    expect(listed).toEqual([
      ['WS-2', start + 90_000_000, 1, 2, 'import'],
      ['WS-1', start + 7 * minute, 7, 99, 'import'],
    ])
    const chunks: string[] = []
    const out = new Writable({
      write(chunk, _encoding, done) {
        chunks.push(String(chunk))
        done()
      },
    })
    await runConflicts(database.url, 'WS-1', out)
    expect(chunks.join('').split('\n')).toEqual([
      'station,metric,observed_at,kept_value,value,quality,source,received_at',
      expect.stringMatching(new RegExp(`^WS-1,ws\\.flow,${new Date(start + 7 * minute).toISOString()},7,99,good,import,`)),
      '',
    ])
  })

  it('counts every conflict of a file and lists the first thousand of a batch', async () => {
    const listed = async (): Promise<number> => (await loadConflicts(pool, { limit: 5000 })).length
    const before = await listed()
    const twice = (i: number): string[] => [1, 2].map((value) => `WS-2,ws.flow,${start + 3_600_500 + i * 1000},${value},0`)
    const rows = Array.from({ length: 1200 }, (_, i) => twice(i)).flat()
    expect(await run(rows, header, 5000)).toMatchObject({ read: 2400, stored: 1200, conflict: 1200 })
    expect((await listed()) - before).toBe(1000)
    expect(
      await run(
        rows.map((r) => r.replace(/,[12],0$/, ',3,0')),
        header,
        5000,
      ),
    ).toMatchObject({ stored: 0, conflict: 1200, duplicate: 1200 })
    expect((await listed()) - before).toBe(2000)
  })

  it('refuses each line that cannot be stored with the reason that a message would have, lists it, and stores the rest', async () => {
    const before = await rowsStored()
    const done = await run([
      `WS-2,ws.flow,${start},12.5,1`,
      'WS-9,ws.flow,1,1,0',
      'WS-1,ws.nothing,1,1,0',
      `WS-1,ws.flow,${start},NaN,0`,
      `WS-1,ws.pressure,${start},1e9,0`,
      'WS-1,ws.flow,noon,1,0',
      `WS-1,ws.flow,${Date.now() + day},1,0`,
      'WS-1,ws.flow,1,1,0',
      `WS-1,ws.flow,${start},1,7`,
      'WS-1,ws.flow',
      'WS-1,"ws.flow,1,1,0',
    ])
    expect(done).toMatchObject({ read: 11, stored: 1, refused: 10 })
    expect(done.refusals).toEqual([
      [3, 'station_unknown'],
      [4, 'metric_unknown'],
      [5, 'value_not_finite'],
      [6, 'value_out_of_range'],
      [7, 'ts_invalid'],
      [8, 'ts_future'],
      [9, 'ts_too_old'],
      [10, 'payload_malformed'],
      [11, 'payload_malformed'],
      [12, 'payload_malformed'],
    ])
    expect(await rowsStored()).toBe(before + 1)
    const listed = await loadRejections(pool, { limit: 100 })
    expect(listed.find((r) => r.reason === 'payload_malformed')).toMatchObject({ readings: 3, detail: expect.stringContaining('(line 10, 11, 12)') })
    expect(listed.reduce((n, r) => n + r.readings, 0)).toBe(10)
    await expect(run([], 'a,b')).rejects.toThrow(/header names no column station, metric/)
    await expect(importReadings(pool, csvRecords(Readable.from([])), { ...options, station, state: noneImported('-'), key: null })).rejects.toThrow(/empty/)
  })

  it('moves the latest values forward only, and leaves a balance that closes', async () => {
    const flow = async () => (await loadLatest(pool)).find((l) => l.value === 1499)
    expect(await flow()).toMatchObject({ observedAt: start + 1499 * minute })
    await run(lines(10, () => 3).map((l) => l.replace(String(start), String(start - day))))
    expect(await flow()).toBeDefined()
    const balance = await loadBalance(pool, 0, Date.now() + minute, 100)
    expect(balance.filter((b) => !b.closes)).toEqual([])
    expect(balance.reduce((n, b) => n + b.stored, 0)).toBe(await rowsStored())
    expect(balance.reduce((n, b) => n + b.rejected, 0)).toBe(10)
  })

  it('of a stream brings the roll-ups up to the raw rows', async () => {
    await refreshRollups(pool, start - 2 * day, start + 1500 * minute)
    await expectRollups()
  })
})

async function expectRollups(): Promise<void> {
  const { rows } = await pool.query<{ n: number; s: number; view: string }>(
    `select 'raw' as view, count(*)::int as n, sum(value)::numeric(20, 6)::text as s from plain_reading where quality < 2
     union all select '1m', sum(count)::int, sum(sum)::numeric(20, 6)::text from reading_1m union all select '1h', sum(count)::int, sum(sum)::numeric(20, 6)::text from reading_1h`,
  )
  expect(new Set(rows.map((r) => `${r.n} ${r.s}`)).size).toBe(1)
}

describe('a file', () => {
  const at = (i: number): string => new Date(start + 5 * day + i * minute).toISOString()
  const shapes: [string, string | Uint8Array][] = [
    [
      'export.csv',
      `\uFEFFstation,name,metric,metric_name_zh,unit,time [Asia/Shanghai],value [MPa],quality\r\n${[0, 1, 2].map((i) => `WS-1,"'=文化路, ""1"" 号",ws.pressure,压力,MPa,${at(i)},0.${i + 1},good\r\n`).join('')}`,
    ],
    ['plain.csv', `station,metric,ts,value\n${[3, 4, 5].map((i) => `WS-1,ws.pressure,${at(i).replace('Z', '+00:00')},0.${i + 1}`).join('\n')}`],
    ['packed.csv.gz', gzipSync(`metric,station,value,quality,ts\nws.pressure,WS-1,0.7,uncertain,${at(6)}\nws.pressure,WS-1,0.8,2,${at(7)}\n`)],
    [
      'readings.parquet',
      new Uint8Array(
        parquetWriteBuffer({
          columnData: [
            { name: 'station', data: ['WS-1', 'WS-1', 'WS-1', 'WS-9'] },
            { name: 'metric', data: Array(4).fill('ws.pressure') },
            { name: 'ts', data: [8, 9, 10, 11].map((i) => BigInt(start + 5 * day + i * minute)), type: 'INT64' },
            { name: 'value', data: [0.9, 1.0, 1.1, 1.2], type: 'DOUBLE' },
            { name: 'quality', data: ['good', 'uncertain', 'bad', 'good'] },
          ],
        }),
      ),
    ],
    [
      'times.parquet',
      new Uint8Array(
        parquetWriteBuffer({
          columnData: [
            { name: 'time', data: [11, 12].map((i) => new Date(start + 5 * day + i * minute)), type: 'TIMESTAMP' },
            { name: 'station', data: ['WS-1', 'WS-1'] },
            { name: 'metric', data: ['ws.pressure', 'ws.pressure'] },
            { name: 'value', data: [1.2, 1.3], type: 'DOUBLE' },
          ],
        }),
      ),
    ],
  ]

  it('may be the page’s export, a plain or packed table, or Parquet; read twice it is in once', async () => {
    for (const [name, content] of shapes) {
      const path = await file(name, content)
      const first = await importFile(pool, path, options)
      expect([name, first.already, first.state.stored, first.state.conflict]).toEqual([name, false, { 'packed.csv.gz': 2, 'times.parquet': 2 }[name] ?? 3, 0])
      expect(await importFile(pool, path, options)).toMatchObject({ already: true, state: { stored: first.state.stored } })
      expect(await importFile(pool, path, { ...options, again: true })).toMatchObject({ state: { stored: 0, duplicate: first.state.stored } })
    }
    const { rows } = await pool.query<{ t: number; value: number; quality: number }>(
      'select observed_at as t, value, quality from plain_reading where point_id = $1 order by observed_at',
      [pressure],
    )
    expect(rows.map((r) => [(r.t - start - 5 * day) / minute, Math.round(r.value * 10)])).toEqual(Array.from({ length: 13 }, (_, i) => [i, i + 1]))
    expect(rows.map((r) => r.quality)).toEqual([0, 0, 0, 0, 0, 0, 1, 2, 0, 1, 2, 0, 0])
    expect((await loadRejections(pool, { limit: 100 })).filter((r) => r.topic === 'readings.parquet').map((r) => r.reason)).toContain('station_unknown')
  })

  it('has its roll-ups worked out again, unless an ingest process keeps house', async () => {
    await pool.query("insert into ingest_lease values ('housekeeping', 'somebody', now() + interval '1 hour')")
    expect(await repairImported(pool)).toBe(false)
    await pool.query('delete from ingest_lease')
    expect(await repairImported(pool)).toBe(true)
    expect((await pool.query('select from dirty_range')).rowCount).toBe(0)
    expect((await pool.query('select from correction')).rowCount).toBe(0)
    await expectRollups()
  })

  it('whose import is killed goes on where it was, and every row is in once', async () => {
    // More than one batch on either database.
    const rows = database.embedded === null ? 300_000 : 60_000
    const from = start - 100 * day
    const path = await file(
      'large.csv',
      `station,metric,ts,value\n${Array.from({ length: rows }, (_, i) => (i % (rows / 3) === 9 ? `WS-9,ws.flow,${from},1` : `WS-2,ws.flow,${from + i * 10_000},${i % 1000}`)).join('\n')}\n`,
    )
    const before = await rowsStored()
    const sum = async (): Promise<Record<string, number> | undefined> =>
      (await pool.query('select sum(stored)::int as stored, sum(duplicate)::int as duplicate, sum(rejected)::int as rejected from ingest_balance')).rows[0]
    const account = await sum()
    const main = join(dirname(fileURLToPath(import.meta.url)), '..', 'src', 'main.ts')
    const child = spawn(process.execPath, ['--import', 'tsx', main, 'import-readings', path], {
      env: { ...process.env, DATABASE_URL: database.url },
      stdio: 'ignore',
    })
    const ended = once(child, 'exit')
    await until('a part is in', async () => (await rowsStored()) > before)
    child.kill('SIGKILL')
    expect((await ended)[1]).toBe('SIGKILL')
    const part = await rowsStored()
    const done = await importFile(pool, path, { ...options, batchRows: 10_000 })
    expect(done).toMatchObject({ already: false, state: { read: rows, stored: rows - 3, duplicate: 0, conflict: 0, refused: 3, done: true } })
    // What the killed one had committed was not read again.
    expect(done.before).toBeGreaterThanOrEqual(part - before)
    expect(await rowsStored()).toBe(before + rows - 3)
    expect(await sum()).toEqual({ stored: (account?.stored ?? 0) + rows - 3, duplicate: account?.duplicate, rejected: (account?.rejected ?? 0) + 3 })
    expect((await loadBalance(pool, 0, Date.now() + minute, 100)).filter((b) => !b.closes)).toEqual([])
  })
})
