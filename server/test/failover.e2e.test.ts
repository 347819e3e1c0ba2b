/// <reference lib="dom" />
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '@yiping/contract/testing'
import { batchOfReadings, createPool, type Pool, seedStations, storeBatch } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startProcess } from '../start/process.ts'
import type { Running } from '../start/service.ts'
import { launchChromium } from './chromium.ts'
import { type RunningProxy, startProxyHere } from './failover/proxy.ts'
import { letTestsIn, signIn } from './signed-in.ts'

const entry = join(dirname(fileURLToPath(import.meta.url)), '..', 'dist', 'main.js')
let database: TestDatabase
let pool: Pool
let proxy: RunningProxy
let browser: Browser
let page: Page
let point = 0
const servers: (Running & { port: number })[] = []
const faults: string[] = []

async function startServer(): Promise<void> {
  let port = 0
  const part = await startProcess({
    name: 'server',
    entry,
    env: { PATH: process.env.PATH, DATABASE_URL: database.url, PORT: '0', LOG_LEVEL: 'warn', ADMIN_PASSWORD: 'drei pferde im regen' },
    onLine: () => {},
    onReady: (said) => {
      port = Number(new URL(String(said.address)).port)
    },
  })
  servers.push({ ...part, port })
}
/** Stores what a sensor measures now, as ingest does. */
async function measure(value: number): Promise<void> {
  const at = Date.now()
  const readings = { pointId: [point], observedAt: [at], receivedAt: [at], value: [value], quality: [0], source: ['telemetry' as const] }
  await storeBatch(pool, batchOfReadings(readings, []))
}
const shown = (figure: string): Promise<void> => page.getByText(figure, { exact: true }).first().waitFor({ timeout: 30_000 })
const clients = async (port: number): Promise<number> =>
  Number(/^yiping_clients (\d+)/m.exec(await (await fetch(`http://127.0.0.1:${port}/metrics`)).text())?.[1] ?? 0)

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  const station = { domain: 'water' as const, district: '410105', lon: 113.7, lat: 34.8, gateway: null, origin: null }
  await seedStations(pool, [{ ...station, code: 'WS-Q-1', name: '水质 1', kind: 'ws_quality', metrics: ['ws.cl_end'] }])
  point = (await pool.query<{ id: number }>('select id from point')).rows[0]?.id ?? 0
  await letTestsIn(database.url)
  await Promise.all([startServer(), startServer()])
  proxy = await startProxyHere({ servers: [servers[0]?.port ?? 0, servers[1]?.port ?? 0] })
  browser = await launchChromium()
  page = await browser.newPage({ viewport: { width: 1920, height: 1080 }, locale: 'zh-CN' })
  await signIn(page.context(), proxy.address)
  page.on('pageerror', (e) => faults.push(e.message))
})
afterAll(async () => {
  await browser?.close()
  await proxy?.stop()
  for (const server of servers) await server.stop()
  await pool?.end()
  await database?.stop()
})

it('a wall whose server is killed is live again through the other, and was never called cut', async () => {
  await page.goto(`${proxy.address}/`)
  await measure(0.23)
  await shown('0.23')
  await page.evaluate(() => {
    // Whether the band across the top was there at any time.
    const seen = { cut: false }
    Object.assign(window, { seen })
    new MutationObserver(() => {
      seen.cut ||= document.querySelector('.cut') !== null
    }).observe(document.body, { childList: true, subtree: true })
  })
  const its = await until('the server that it is connected to', async () => {
    for (const server of servers) if ((await clients(server.port)) > 0) return server
    return null
  })
  const killedAt = performance.now()
  process.kill(its.pid ?? 0, 'SIGKILL')
  await its.exited
  await measure(0.19)
  await shown('0.19')
  const backMs = performance.now() - killedAt
  if (process.env.FAILOVER_FIGURES) process.stdout.write(`the page shows the next value after ${Math.round(backMs)} ms\n`)
  // The band comes up after five seconds without a server.
  expect(await page.evaluate(() => (window as unknown as { seen: { cut: boolean } }).seen.cut)).toBe(false)
  expect(faults).toEqual([])
})
