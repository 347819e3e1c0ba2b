import { createPool, loadProgress, type Pool, seedStations } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import { Group } from '../src/spool/group.ts'
import { firstTicketAt } from '../src/spool/frame.ts'
import { pack } from '../src/spool/portion.ts'
import type { StoreTurn } from '../src/store/messages.ts'
import { StoreThread } from '../src/store/store-thread.ts'
import type { Ticket } from '../src/validate/ticket.ts'
import { ticket } from './tickets.ts'

describe('the thread that stores', () => {
  let database: TestDatabase
  let pool: Pool
  let point: number
  let said: string[] = []
  let thread: StoreThread | undefined
  beforeAll(async () => {
    database = await freshDatabase()
    pool = createPool({ connectionString: database.url, applicationName: 'test' })
    const where = { district: '410105', lon: 113.7, lat: 34.8, gateway: null, origin: null }
    await seedStations(pool, [{ ...where, code: 'WS-T', name: 'T', kind: 'ws_pressure', domain: 'water', metrics: ['ws.pressure'] }])
    const { rows } = await pool.query<{ id: number }>('select id from point')
    point = rows[0]?.id ?? 0
  })
  afterEach(async () => {
    await thread?.end()
    thread = undefined
    said = []
  })
  afterAll(async () => {
    await pool?.end()
    await database?.stop()
  })

  const start = (databaseUrl = database.url): StoreThread => {
    thread = new StoreThread({
      databaseUrl,
      traced: null,
      queryTimeoutMs: 10_000,
      zone: 'Asia/Shanghai',
      retryMs: [20],
      onFailed: () => said.push('failed'),
      onRefused: () => said.push('refused'),
      onDisconnected: () => said.push('disconnected'),
      onAlarms: () => said.push('alarms'),
      onAlarmsFailed: (why) => said.push(why),
      onFault: () => said.push('fault'),
    })
    return thread
  }
  const turn = (stream: string, seq: number, ...tickets: Ticket[]): StoreTurn => {
    const group = new Group()
    for (const t of tickets) group.add(t, { acknowledge: () => {} })
    const bytes = pack([group.frame(1).subarray(firstTicketAt)], () => expect.unreachable())
    return { stream, seq, bytes }
  }
  const at = Date.UTC(2026, 0, 1)
  const reading = (n: number): Ticket => ticket([[point, at + n, n]], 0, at + n)

  it('stores turns in their order and says what became of each; one that comes again changes nothing', async () => {
    const stores = start()
    const answers = await Promise.all([
      stores.store(turn('a', 1, reading(1), reading(1))),
      stores.store(turn('a', 3, reading(2), ticket([[point, at + 2, 9]], 2, at))),
      stores.store(turn('a', 3, reading(3))),
    ])
    expect(answers.map((a) => [a?.outcome.applied, a?.outcome.stored, a?.duplicate, a?.conflict, a?.rejected])).toEqual([
      [true, 1, 1, 0, []],
      [true, 1, 0, 1, [{ reason: 'ts_future', readings: 2, held: 0 }]],
      [false, 0, 0, 0, []],
    ])
    expect(await loadProgress(pool, 'a')).toBe(3)
  })

  it('finds what the database refuses, stores the rest and goes on', async () => {
    const stores = start()
    const bad = ticket([[point, at + 11, 1]], 1, at)
    for (const r of bad.rejections) r.detail = 'a text with \0 in it'
    const answers = await Promise.all([stores.store(turn('b', 2, reading(10), bad)), stores.store(turn('b', 3, reading(12)))])
    expect(answers.map((a) => a?.outcome.stored)).toEqual([2, 1])
    expect(said).toEqual(['refused'])
  })

  it('that is stopped while the database is away stores neither the turn that it tries nor those behind', async () => {
    const url = new URL(database.url)
    url.port = '1'
    const stores = start(url.href)
    await stores.ready
    const answers = Promise.all([stores.store(turn('c', 1, reading(20))), stores.store(turn('c', 2, reading(21)))])
    await expect.poll(() => said.length, { timeout: 10_000 }).toBeGreaterThan(2)
    stores.stop()
    expect(await answers).toEqual([null, null])
  })

  it('that meets what it cannot read is at fault: only the next process can help', async () => {
    const stores = start()
    await stores.ready
    const broken = turn('d', 1, reading(30))
    broken.bytes[4] = 99
    void stores.store(broken)
    await expect.poll(() => said, { timeout: 10_000 }).toContain('fault')
    thread = undefined
  })
})
