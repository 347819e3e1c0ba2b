import { execFile } from 'node:child_process'
import { mkdir, open, readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { until } from '@yiping/contract/testing'
import { createPool, type Pool, seedStations } from '@yiping/db'
import { freePort, OwnServers, prepare, serversHere } from '@yiping/db/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startTestBroker, type TestBroker } from '../testing.ts'
import { IngestProcess } from './faults/process.ts'
import { Sender } from './faults/sender.ts'

const exec = promisify(execFile)
const here = serversHere()
const megabyte = Buffer.alloc(1 << 20)

// A disk of a test's own takes root; skipped elsewhere, and where there are no programs of PostgreSQL.
describe.runIf(here !== null && process.getuid?.() === 0)('nothing is lost and nothing doubled', { timeout: 180_000 }, () => {
  let servers: OwnServers
  let port: number
  let pool: Pool
  let broker: TestBroker
  const stations = Array.from({ length: 20 }, (_, i) => `WS-D-${i}`)
  const disk = (): string => join(servers.folder, 'disk')
  const ballast = (): string => join(disk(), 'ballast')

  /** Takes what room there is, down to the last page. */
  const fill = async (): Promise<void> => {
    const file = await open(ballast(), 'a')
    for (let size = megabyte.length; size >= 4096; ) await file.write(megabyte, 0, size).catch(() => (size /= 2))
    await file.close()
  }
  const answers = (): Promise<boolean> =>
    pool.query('select 1').then(
      () => true,
      () => false,
    )

  beforeAll(async () => {
    servers = await OwnServers.make(here)
    await mkdir(disk())
    await exec('mount', ['-t', 'tmpfs', '-o', 'size=400m', 'tmpfs', disk()])
    await servers.own(disk())
    port = await freePort()
    await servers.create('disk/data', port, ['max_wal_size = 64MB', 'min_wal_size = 32MB', 'shared_buffers = 32MB'])
    await prepare(servers.url(port))
    pool = createPool({ connectionString: servers.url(port), applicationName: 'test' })
    const station = { kind: 'ws_pressure', domain: 'water' as const, district: '410105', lon: 113.7, lat: 34.8, gateway: null, origin: null }
    await seedStations(
      pool,
      stations.map((code) => ({ ...station, code, name: code, metrics: ['ws.pressure'] })),
    )
    broker = await startTestBroker('aedes')
  }, 120_000)
  afterAll(async () => {
    await broker?.stop()
    await pool?.end()
    for (const data of servers ? ['disk/data'] : []) await servers.stop(data, 'immediate').catch(() => {})
    await exec('umount', [disk()])
    await servers?.end()
  })

  it('when the disk of the database is full, for its tables and then for its log', async () => {
    const ingest = IngestProcess.start({ DATABASE_URL: servers.url(port), MQTT_URL: broker.url, DATA_DIR: join(servers.folder, 'ingest') })
    const sender = await Sender.connect(broker.url, stations)
    try {
      await ingest.ready
      const stop = sender.flow(12)
      await until('some are stored', async () => ((await sender.count(pool)) ?? 0) > 500)
      await fill()
      await until('ingest hears of it', () => Promise.resolve(ingest.output.includes('No space left on device')), 60_000)
      const before = sender.ledger.size
      await until('what is sent is taken all the same', () => Promise.resolve(sender.ledger.size > before + 3000), 30_000)
      const panicked = async (): Promise<boolean> => (await readFile(join(servers.folder, 'log'), 'utf8')).includes('PANIC:')
      expect(await panicked()).toBe(false)
      await until(
        'its log finds no room either, and it ends itself',
        async () => {
          await pool.query(`select pg_logical_emit_message(false, '', repeat('x', 1000000)), pg_switch_wal()`).catch(() => {})
          return panicked()
        },
        60_000,
      )
      const ended = sender.ledger.size
      await until('what is sent is taken without a database', () => Promise.resolve(sender.ledger.size > ended + 3000), 30_000)
      await rm(ballast())
      // As whoever runs it would: recovery needs room as well, and gives up without.
      await until('the database is back', async () => (await answers()) || (await servers.start('disk/data', port).then(answers, () => false)), 60_000)
      stop()
      await sender.acknowledged()
      await until('every reading of the ledger in the table', async () => ((await sender.count(pool)) ?? 0) >= sender.ledger.size, 60_000)
      await sender.expectWhole(pool)
      expect(sender.ledger.size).toBeGreaterThan(6500)
    } finally {
      await sender.stop()
      await ingest.stop()
    }
  })
})
