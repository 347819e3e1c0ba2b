import { until } from '@yiping/contract/testing'
import { batchOfReadings, createPool, formatStatus, noReadings, notify, type Pool, seedStations, statusChannel, storeBatch } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { App } from '../src/app.ts'
import { seriousFindings } from './axe.ts'
import { launchChromium } from './chromium.ts'
import { startServer, webFolder } from './running.ts'
import { signIn } from './signed-in.ts'

let database: TestDatabase
let pool: Pool
let app: App
let address: string
let browser: Browser
let page: Page
const faults: string[] = []
const minute = Math.floor(Date.now() / 60_000) * 60_000

const account = (at: number, source: string, received: number, stored: number): Promise<unknown> =>
  pool.query('insert into ingest_balance (minute, source, received, stored) values (to_timestamp($1::float8 / 1000), $2, $3, $4)', [
    at,
    source,
    received,
    stored,
  ])

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  await seedStations(
    pool,
    [1, 2, 3].map((i) => ({
      ...{ code: `WS-${i}`, name: `金水区 文化路 ${i}#`, kind: 'ws_pressure', domain: 'water' as const, district: '410105', lon: 113.7, lat: 34.8 },
      ...{ gateway: null, origin: null, metrics: ['ws.pressure'] },
    })),
  )
  const { rows } = await pool.query<{ id: number; code: string }>('select p.id, s.code from point p join station s on s.id = p.station_id')
  const readings = noReadings()
  const received = Date.now()
  for (const { id, code } of rows) {
    if (code === 'WS-3') continue
    readings.pointId.push(id)
    readings.observedAt.push(Date.now() - 1000)
    readings.receivedAt.push(received)
    readings.value.push(0.3)
    readings.quality.push(0)
    readings.source.push('telemetry')
  }
  const none = { duplicate: 0, conflict: 0, waiting: 0 }
  await storeBatch(pool, {
    // In the account too, which closes: whether this minute is over yet when the page is looked at must make no difference.
    ...batchOfReadings(readings, [{ minute: Math.floor(received / 60_000) * 60_000, source: 'telemetry', received: 9, rejected: 7, ...none }]),
    rejections: [
      {
        ...{ at: Date.now() - 1000, source: 'telemetry', topic: 'city/water/WS-2/telemetry', reason: 'value_out_of_range', detail: null },
        ...{ readings: 7, held: 0, payload: Buffer.from('{"ws.pressure": 99}') },
      },
    ],
    sightings: [{ station: 'WS-900', metric: 'ws.flow', domain: 'water', firstSeen: minute, lastSeen: minute, times: 3, sample: '412' }],
  })
  for (let i = 1; i <= 60; i += 1) await account(minute - i * 60_000, 'telemetry', 100, 100)
  ;({ app, address } = await startServer(database.url, { webFolder }))
  browser = await launchChromium()
  page = await browser.newPage({ viewport: { width: 1366, height: 768 }, locale: 'zh-CN' })
  await signIn(page.context(), address)
  // The server keeps an answer for a while and the page asks every few seconds: a slow machine adds up.
  page.setDefaultTimeout(75_000)
  page.on('pageerror', (e) => faults.push(e.message))
  page.on('console', (m) => m.type() === 'error' && faults.push(m.text()))
  await page.goto(`${address}/water`)
})
afterAll(async () => {
  await browser?.close()
  await app?.stop()
  await pool?.end()
  await database?.stop()
})
const figure = (label: string) => page.locator('.figures > div', { hasText: label }).locator('.fig')

it('the page of those who send is opened from the desk, and names the worst of them first', async () => {
  await page.getByRole('link', { name: '数据汇聚' }).click()
  await page.waitForURL('**/ingest')
  await page.locator('.sources tbody tr').nth(2).waitFor()
  expect(await page.title()).toBe('数据汇聚 – 一屏')
  const rows = await page.locator('.sources tbody tr').allInnerTexts()
  expect(rows.map((r) => /文化路 \d#/.exec(r)?.[0])).toEqual(['文化路 3#', '文化路 2#', '文化路 1#'])
  expect(rows[0]).toContain('从未上报')
  expect(rows[1]).toContain('超出量程 7')
  expect(await figure('账目').innerText()).toBe('平衡')
  expect(await seriousFindings(page)).toEqual([])
})

it('a minute that does not close turns up in red without a reload, and the keys find it', async () => {
  await account(minute - 30 * 60_000, 'gateway', 20, 17)
  await figure('账目').getByText('1 分钟不平').waitFor()
  const red = await page.locator('.strip path.open').evaluateAll((paths) => paths.map((p) => [p.getAttribute('d') !== '', getComputedStyle(p).fill]))
  expect(red.filter(([drawn]) => drawn)).toEqual([[true, 'rgb(255, 75, 75)']])
  await page.getByRole('slider', { name: '网关' }).focus()
  await page.keyboard.press('Enter')
  await page.locator('.said.open').getByText('收 20').waitFor()
  expect(await page.locator('.said').innerText()).toContain('差 +3')
  await page.keyboard.press('ArrowRight')
  await page.locator('.said').getByText('未收到').waitFor()
})

it('is used by the keyboard alone, and its address says what is shown', async () => {
  await page.getByRole('button', { name: '被拒' }).focus()
  await page.keyboard.press('Enter')
  await page.waitForURL('**/ingest?problem=rejected')
  await until('only the refused one', async () => (await page.locator('.sources tbody tr').count()) === 1)
  await page.getByRole('tab', { name: '站点' }).focus()
  await page.keyboard.press('ArrowRight')
  await page.getByText('{"ws.pressure": 99}').waitFor()
  expect(new URL(page.url()).searchParams.get('tab')).toBe('rejections')
  await page.keyboard.press('ArrowRight')
  await page.getByText('WS-900').waitFor()
  await page.keyboard.press('ArrowRight')
  await page.getByText('没有冲突的读数').waitFor()
  expect(await seriousFindings(page)).toEqual([])
})

it('hears of an ingest process, and says when nobody answers', async () => {
  await page.locator('.tables').getByText('没有听到接入进程').waitFor()
  const say = () =>
    notify(
      pool,
      statusChannel,
      formatStatus({
        at: Date.now(),
        shard: 'north',
        role: 'active',
        inFlight: 5,
        spoolBytes: 0,
        spoolFull: false,
        broker: 'up',
        lastCommitAt: null,
        version: '1',
      }),
    )
  await say()
  await page.locator('.tables').getByText('north').waitFor()
  expect(faults).toEqual([])
  await page.route('**/api/v1/ingest/status*', (route) => route.abort())
  await page.getByRole('alert').getByText('数字停在').waitFor()
})
