import { Readable } from 'node:stream'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPool, type Pool } from '../src/connection.ts'
import { importHeader, importReadings, refreshRollups } from '../src/import-readings.ts'
import { loadBalance } from '../src/load-balance.ts'
import { loadLatest } from '../src/load-latest.ts'
import { loadRegistry } from '../src/load-registry.ts'
import { seedStations } from '../src/seed-stations.ts'
import { freshDatabase, type TestDatabase } from '../testing/index.ts'

let database: TestDatabase
let pool: Pool
let pointOf: (station: string, metric: string) => number | undefined
beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  await seedStations(pool, [
    {
      code: 'WS-1',
      name: 'WS-1',
      kind: 'ws_pressure',
      domain: 'water',
      district: null,
      lon: 113,
      lat: 34,
      gateway: null,
      origin: null,
      metrics: ['ws.pressure', 'ws.flow'],
    },
  ])
  const points = new Map((await loadRegistry(pool)).flatMap((s) => s.points.map((p) => [`${s.code} ${p.metric}`, p.id] as const)))
  pointOf = (station, metric) => points.get(`${station} ${metric}`)
})
afterAll(async () => {
  await pool?.end()
  await database?.stop()
})

const start = Date.UTC(2026, 10, 20, 16)
const lines = (n: number, value: (i: number) => number): string[] => Array.from({ length: n }, (_, i) => `WS-1,ws.pressure,${start + i * 60_000},${value(i)},0`)
const run = (rows: string[], header = importHeader) => {
  const refused: [number, string][] = []
  return importReadings(pool, Readable.from([[header, ...rows].join('\n')]), {
    pointOf,
    now: () => Date.now(),
    batchRows: 500,
    onRefused: (line, why) => refused.push([line, why]),
  }).then((done) => ({ ...done, refusedLines: refused }))
}
const rowsStored = async (): Promise<number> => Number((await pool.query<{ n: number }>('select count(*)::int as n from reading')).rows[0]?.n)

describe('an import', () => {
  it('stores every line, and again every line is a duplicate', async () => {
    const rows = lines(1200, (i) => i)
    expect(await run(rows)).toMatchObject({ read: 1200, stored: 1200, duplicate: 0, conflict: 0, refused: 0, from: start, to: start + 1199 * 60_000 })
    expect(await run(rows)).toMatchObject({ read: 1200, stored: 0, duplicate: 1200, conflict: 0 })
    expect(await rowsStored()).toBe(1200)
  })

  it('goes on after a broken one, and keeps the first of two values', async () => {
    expect(await run(lines(1500, (i) => (i === 7 ? 99 : i)))).toMatchObject({ stored: 300, duplicate: 1199, conflict: 1 })
    expect(await rowsStored()).toBe(1500)
  })

  it('keeps the first of two values also when both are in it', async () => {
    const at = start + 90_000_000
    expect(await run([`WS-1,ws.flow,${at},1,0`, `WS-1,ws.flow,${at},2,0`, `WS-1,ws.flow,${at},1,0`])).toMatchObject({ stored: 1, duplicate: 1, conflict: 1 })
    const { rows } = await pool.query('select value from reading where observed_at = to_timestamp($1::float8 / 1000)', [at])
    expect(rows).toEqual([{ value: 1 }])
  })

  it('names each line that it cannot store and stores the rest', async () => {
    const done = await run([
      `WS-1,ws.flow,${start},12.5,1`,
      'WS-9,ws.flow,1,1,0',
      'WS-1,ws.flow,noon,1,0',
      'WS-1,ws.flow,1,NaN,0',
      'WS-1,ws.flow,1,1,7',
      'WS-1,ws.flow',
    ])
    expect(done).toMatchObject({ read: 6, stored: 1, refused: 5 })
    expect(done.refusedLines.map(([line]) => line)).toEqual([3, 4, 5, 6, 7])
    await expect(run([], 'a,b')).rejects.toThrow(/header/)
  })

  it('moves the latest values forward only, and leaves a balance that closes', async () => {
    const newest = (await loadLatest(pool)).find((l) => l.pointId === pointOf('WS-1', 'ws.pressure'))
    expect(newest).toMatchObject({ observedAt: start + 1499 * 60_000, value: 1499 })
    await run(lines(10, () => 3).map((l) => l.replace(String(start), String(start - 86_400_000))))
    expect((await loadLatest(pool)).find((l) => l.pointId === newest?.pointId)).toEqual(newest)
    const balance = await loadBalance(pool, 0, Date.now() + 60_000, 100)
    expect(balance.filter((b) => !b.closes)).toEqual([])
    expect(balance.reduce((n, b) => n + b.stored, 0)).toBe(await rowsStored())
  })

  it('brings the roll-ups up to the raw rows', async () => {
    await refreshRollups(pool, start - 86_400_000, start + 1500 * 60_000)
    const { rows } = await pool.query<{ n: number; s: number; view: string }>(
      `select 'raw' as view, count(*)::int as n, sum(value) as s from reading where quality < 2
       union all select '1m', sum(count)::int, sum(sum) from reading_1m union all select '1h', sum(count)::int, sum(sum) from reading_1h`,
    )
    expect(new Set(rows.map((r) => `${r.n} ${r.s}`)).size).toBe(1)
  })
})
