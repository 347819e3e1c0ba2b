import { until } from '@yiping/contract/testing'
import { batchOfReadings, createPool, noReadings, type Pool, seedStations, storeBatch } from '@yiping/db'
import { type FaultyLink, freshDatabase, startProxy, type TestDatabase, through } from '@yiping/db/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { App } from '../src/app.ts'
import { ReadDatabase } from '../src/replica/read-database.ts'
import { startServer } from './running.ts'
import { fetch } from './signed-in.ts'

let database: TestDatabase
let pool: Pool
let app: App
let address: string
/** The way to what the server takes for its replica: it leads to the same database, and can be cut. */
let link: FaultyLink
const minute = 60_000
const from = Math.floor((Date.now() - 60 * minute) / minute) * minute

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  await seedStations(pool, [
    ...[{ code: 'WS-1', name: '1', kind: 'ws_pressure', domain: 'water' as const, district: '410105', lon: 113.7, lat: 34.8, gateway: null, origin: null }].map(
      (s) => ({ ...s, metrics: ['ws.pressure'] }),
    ),
  ])
  const { rows } = await pool.query<{ id: number }>('select id from point')
  const readings = noReadings()
  for (let i = 0; i < 60; i += 1) {
    readings.pointId.push(rows[0]?.id ?? 0)
    readings.observedAt.push(from + i * minute)
    readings.receivedAt.push(from + i * minute + 100)
    readings.value.push(0.3)
    readings.quality.push(0)
    readings.source.push('telemetry')
  }
  await storeBatch(pool, batchOfReadings(readings, []))
  link = await startProxy('127.0.0.1', Number(new URL(database.url).port))
  ;({ app, address } = await startServer(database.url, { readDatabaseUrl: through(database.url, link) }))
})
afterAll(async () => {
  await app?.stop()
  await link?.stop()
  await pool?.end()
  await database?.stop()
})

const get = async (path: string): Promise<{ status: number; body: ReturnType<typeof JSON.parse> }> => {
  const response = await fetch(`${address}${path}`)
  const text = await response.text()
  return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text }
}
const series = `/api/v1/series?points=WS-1:ws.pressure&from=${from}&to=${from + 60 * minute}&tier=raw`
const past = `/api/v1/overview?at=${from + 30 * minute}`
const csv = `/api/v1/export?points=WS-1:ws.pressure&from=${from}&to=${from + 60 * minute}&bucket=raw&format=csv`
const reads = async (): Promise<'replica' | 'primary'> => {
  const { detail } = (await get('/readyz')).body.dependencies.replica
  return /from the (replica|primary)/.exec(detail)?.[1] as 'replica' | 'primary'
}

describe('history while the replica is away', () => {
  it('is answered by the primary, with no request refused, and by the replica again when it is back', async () => {
    expect(await reads()).toBe('replica')
    const before = (await get(series)).body.series[0].t.length
    expect(before).toBe(60)
    link.cut()
    // Those that find out themselves.
    const answers = await Promise.all([get(series), get(past), get(csv)])
    expect(answers.map((a) => a.status)).toEqual([200, 200, 200])
    expect(answers[0]?.body.series[0].t).toHaveLength(60)
    expect(answers[2]?.body.split('\r\n').filter((line: string) => /^WS-1,|,WS-1,/.test(line)).length).toBeGreaterThanOrEqual(60)
    await app.replica?.look()
    expect(await reads()).toBe('primary')
    const figures = (await get('/metrics')).body
    expect(figures).toContain('yiping_history_from_replica 0')
    expect(figures).not.toMatch(/^yiping_replica_lag_seconds/m)
    link.pass()
    await until('the replica is asked again', async () => (await reads()) === 'replica')
    expect((await get(series)).status).toBe(200)
    expect((await get('/metrics')).body).toContain('yiping_history_from_replica 1')
  })
})

describe('a replica that falls behind', () => {
  /** What a server answers that is asked where it is: each position in the log, or nobody. */
  const standing = { written: 0n as bigint | null, replayed: 0n as bigint | null }
  const answering = (of: 'written' | 'replayed'): Pool => {
    const pool = createPool({ connectionString: database.url, applicationName: 'test', max: 1 })
    pool.query = (async () => {
      const at = standing[of]
      if (at === null) throw Object.assign(new Error('gone'), { code: 'ECONNREFUSED' })
      return { rows: [{ at: String(at) }] }
    }) as unknown as Pool['query']
    return pool
  }
  let history: ReadDatabase
  const ends: (() => Promise<void>)[] = []
  const warned: object[] = []

  beforeEach(() => {
    warned.length = 0
    Object.assign(standing, { written: 100n, replayed: 100n })
    const primary = answering('written')
    history = new ReadDatabase({
      ...{ replica: answering('replayed'), fallback: answering('written'), primary, farMs: 0, nearMs: -1 },
      log: { info: () => {}, warn: (o) => warned.push(o) },
    })
    const own = history
    ends.push(async () => {
      await own.stop()
      await primary.end()
    })
  })
  afterAll(async () => {
    for (const end of ends) await end()
  })

  it('is asked no more until it has caught up, and says how far it is behind', async () => {
    await history.look()
    expect([history.from, history.lagMs]).toEqual(['replica', 0])
    standing.written = 200n
    await history.look()
    await history.look()
    expect(history.from).toBe('primary')
    expect(history.lagMs).toBeGreaterThan(0)
    expect(warned).toEqual([{ why: expect.stringContaining('behind') }])
    standing.replayed = 250n
    await history.look()
    expect(history.lagMs).toBe(0)
  })

  it('is asked on while nobody can say how far the primary is', async () => {
    standing.written = null
    await history.look()
    expect(history.from).toBe('replica')
    standing.replayed = null
    await history.look()
    expect([history.from, history.lagMs]).toEqual(['primary', null])
    standing.replayed = 100n
    await history.look()
    expect(history.from).toBe('replica')
  })
})
