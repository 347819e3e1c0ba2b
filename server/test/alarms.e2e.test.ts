import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '@yiping/contract/testing'
import { batchOfReadings, createPool, type Pool, seedStations, storeBatch } from '@yiping/db'
import { type AlarmFixture, freshDatabase, insertAlarm, type TestDatabase } from '@yiping/db/testing'
import { pino } from 'pino'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type App, buildApp } from '../src/app.ts'
import { testConfig } from './config.ts'
import { seriousFindings } from './axe.ts'
import { launchChromium } from './chromium.ts'
import { startReceiver } from './receiver.ts'
import { letTestsIn, signIn } from './signed-in.ts'

const webFolder = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'web', 'dist')
let database: TestDatabase
let pool: Pool
let app: App
let address: string
let browser: Browser
let wall: Page
let desk: Page
const faults: string[] = []

const alarm = (n: number, over: Partial<AlarmFixture> = {}): AlarmFixture => ({
  ...{
    id: `low-${n}`,
    rule: 'ws.pressure.low',
    subject: `WS-${n}:ws.pressure`,
    domain: 'water',
    district: '410105',
    station: `WS-${n}`,
    metric: 'ws.pressure',
  },
  ...{ activeAt: Date.now() - n * 1000, value: 0.1, limit: 0.14, unit: 'MPa' },
  ...over,
})
const open = async (path: string): Promise<Page> => {
  const page = await browser.newPage({ viewport: { width: 1920, height: 1080 }, locale: 'zh-CN' })
  await signIn(page.context(), address)
  page.on('pageerror', (e) => faults.push(e.message))
  page.on('console', (m) => m.type() === 'error' && faults.push(m.text()))
  await page.goto(`${address}${path}`)
  return page
}

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  const station = (n: number) => ({
    ...{ code: `WS-${n}`, name: `金水区 文化路 ${n}#`, kind: 'ws_pressure', domain: 'water' as const, district: '410105', gateway: null, origin: null },
    ...{ lon: 113.7 + n / 1000, lat: 34.8, metrics: ['ws.pressure'] },
  })
  await seedStations(pool, [1, 2, 3, 4].map(station))
  const { rows } = await pool.query<{ id: number }>('select id from point')
  const now = Date.now()
  const each = rows.flatMap((r) => Array.from({ length: 60 }, (_, i) => ({ id: r.id, at: now - i * 60_000 })))
  await storeBatch(
    pool,
    batchOfReadings(
      {
        pointId: each.map((e) => e.id),
        observedAt: each.map((e) => e.at),
        receivedAt: each.map(() => now),
        value: each.map((_, i) => 0.3 + (i % 7) / 100),
        quality: each.map(() => 0),
        source: each.map(() => 'telemetry'),
      },
      [],
    ),
  )
  await letTestsIn(database.url)
  app = await buildApp(testConfig(database.url, { webFolder }), 'test', pino({ level: 'silent' }))
  app.live.start()
  app.hub.start()
  address = await app.fastify.listen({ host: '127.0.0.1', port: 0 })
  await until('loaded', () => app.live.loaded)
  browser = await launchChromium()
  wall = await open('/')
  desk = await open('/alarms')
})
afterAll(async () => {
  await browser?.close()
  await app?.stop()
  await pool?.end()
  await database?.stop()
})

describe('an alarm in a real browser', () => {
  it('is not there, and the page says so', async () => {
    await desk.getByText('当前无报警').waitFor()
    await wall.getByText('当前无报警').waitFor()
  })

  it('takes the wall over, stands on the page, and goes from both when it is acknowledged there', async () => {
    await insertAlarm(pool, alarm(1, { severity: 1 }))
    await wall.getByText('红色报警，尚无人确认').waitFor()
    await wall.locator('.takeover').getByText('管网压力过低').waitFor()
    expect(await wall.locator('.takeover').getByRole('button', { name: '声音关' }).count()).toBe(1)
    await desk.locator('.table').getByText('文化路 1#').click()
    await desk.locator('.drawer').getByText('报警前后').waitFor()
    await desk.locator('.drawer canvas').waitFor()
    await desk.locator('.drawer').getByRole('button', { name: '确认' }).click()
    await desk.locator('.table').getByText('已确认').waitFor()
    await desk.locator('.log').getByText('tester').waitFor()
    await wall.locator('.takeover').waitFor({ state: 'detached' })
    await wall.locator('.alarms').getByText('tester').waitFor()
    await desk.keyboard.press('Escape')
    await desk.locator('.drawer').waitFor({ state: 'detached' })
  })

  it('is acknowledged with others by the keyboard alone', async () => {
    for (const n of [2, 3, 4]) await insertAlarm(pool, alarm(n))
    await desk.locator('.toast').first().waitFor()
    await desk.locator('.table [data-index="3"]').waitFor()
    await desk.locator('.table [data-index="0"]').focus()
    for (let i = 0; i < 3; i += 1) {
      await desk.keyboard.press('ArrowDown')
      await desk.waitForFunction((n) => document.activeElement?.getAttribute('data-index') === String(n), i + 1)
      await desk.keyboard.press('Space')
    }
    await desk.getByRole('button', { name: '确认 3 条' }).press('Enter')
    await desk.getByText('已确认 3 条').first().waitFor()
    await until('acknowledged in the table', async () => (await pool.query("select from alarm where state = 'acked_active'")).rows.length === 4)
    await until('no toast is left', async () => (await desk.locator('.toast').count()) === 0)
  })

  it('is told to whom the desk says, by the keyboard alone; and axe finds nothing serious', async () => {
    const receiver = await startReceiver()
    await desk.getByRole('tab', { name: '通知与值班' }).press('Enter')
    expect(new URL(desk.url()).searchParams.get('tab')).toBe('notices')
    const notices = desk.getByRole('region', { name: '通知', exact: true })
    await notices.getByRole('button', { name: '新增' }).press('Enter')
    await desk.keyboard.type('值班室')
    await desk.keyboard.press('Tab')
    await desk.keyboard.press('Tab')
    await desk.keyboard.type(receiver.url)
    expect(await seriousFindings(desk)).toEqual([])
    await desk.keyboard.press('Enter')
    await notices.getByRole('button', { name: '发测试消息' }).press('Enter')
    await desk.getByText('测试消息已送达 值班室').waitFor()
    expect([receiver.messages, receiver.told]).toEqual([1, []])
    await receiver.stop()
    expect(await seriousFindings(desk)).toEqual([])
  })

  it('would be another by a rule that is tried on the readings there are, and then made active', async () => {
    await desk.getByRole('tab', { name: '规则试算' }).press('Enter')
    await desk.locator('.trial select').selectOption('ws.pressure.low')
    await desk.getByLabel('黄 限值').fill('0.35')
    await desk.getByLabel('黄 限值').press('Enter')
    await desk
      .locator('.trial .answer')
      .getByText(/会响 \d+ 次，现行规则 0 次/)
      .waitFor()
    expect(await seriousFindings(desk)).toEqual([])
    await desk.getByLabel('启用原因').fill('夜间压力')
    await desk.getByLabel('启用原因').press('Enter')
    await desk.getByText('已启用第 2 版').waitFor()
    const { rows } = await pool.query(`select version, by, note from alarm_rule where code = 'ws.pressure.low' and active`)
    expect(rows).toEqual([{ version: 2, by: 'tester', note: '夜间压力' }])
  })

  it('is found in history, and leaves no fault behind', async () => {
    await desk.getByRole('tab', { name: '历史' }).click()
    await desk.locator('.table [data-index="3"]').waitFor()
    await desk.getByRole('searchbox').fill('文化路 2#')
    await until('one is left', async () => (await desk.locator('.table li').count()) === 1)
    const [download] = await Promise.all([desk.waitForEvent('download'), desk.getByText('导出 CSV').click()])
    expect(download.suggestedFilename()).toBe('alarms.csv')
    await desk.getByRole('tab', { name: '报警质量' }).click()
    await desk.getByText('每 10 分钟提示数').waitFor()
    expect(faults).toEqual([])
  })
})
