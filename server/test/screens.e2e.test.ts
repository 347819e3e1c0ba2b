import { batchOfReadings, createPool, type Pool, seedStations, storeBatch } from '@yiping/db'
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
const faults: string[] = []

/** A browser of its own: what a screen keeps, a desk does not have. */
const open = async (path: string, who: 'desk' | 'screen', width = 1920, height = 1080): Promise<Page> => {
  const context = await browser.newContext({ viewport: { width, height }, locale: 'zh-CN' })
  if (who === 'desk') await signIn(context, address)
  const page = await context.newPage()
  page.on('pageerror', (e) => faults.push(e.message))
  // A screen without a credential asks who it is, and is told: nobody.
  page.on('console', (m) => m.type() === 'error' && !m.text().includes('status of 401') && faults.push(m.text()))
  await page.goto(`${address}${path}`)
  return page
}

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  await seedStations(
    pool,
    (['water', 'gas'] as const).map((domain, i) => ({
      ...{ code: `S-${i}`, name: `金水区 文化路 ${i}#`, kind: domain === 'water' ? 'ws_pressure' : 'gs_regulator', domain, district: '410105' },
      ...{ lon: 113.7, lat: 34.8, gateway: null, origin: null, metrics: [domain === 'water' ? 'ws.pressure' : 'gs.p_mid'] },
    })),
  )
  const { rows } = await pool.query<{ id: number }>('select id from point')
  const now = Date.now()
  await storeBatch(
    pool,
    batchOfReadings(
      {
        ...{ pointId: rows.map((r) => r.id), observedAt: rows.map(() => now), receivedAt: rows.map(() => now) },
        ...{ value: rows.map(() => 0.3), quality: rows.map(() => 0), source: rows.map(() => 'telemetry') },
      },
      [{ minute: Math.floor(now / 60_000) * 60_000, source: 'telemetry', received: rows.length, duplicate: 0, conflict: 0, rejected: 0, waiting: 0 }],
    ),
  )
  ;({ app, address } = await startServer(database.url, { version: '9.9.9', webFolder }))
  browser = await launchChromium()
})
afterAll(async () => {
  await browser?.close()
  await app?.stop()
  await pool?.end()
  await database?.stop()
})

it('a screen is paired by its code, turns its scenes, shows what an operator pushes, and shows its code again when it is revoked', async () => {
  const wall = await open('/wall?pair', 'screen')
  const code = (
    await wall
      .locator('.code')
      .filter({ hasText: /\d{3}\s\d{3}/ })
      .innerText()
  ).replace(/\D/g, '')
  const desk = await open('/screens', 'desk', 1440, 900)
  await desk.getByLabel('配对码').fill(code)
  await desk.getByLabel('名称', { exact: true }).fill('指挥大厅')
  await desk.getByRole('button', { name: '配对', exact: true }).click()
  await wall.getByText('已配对为“指挥大厅”').waitFor()
  await desk.locator('tr', { hasText: '指挥大厅' }).getByText('在线').waitFor()
  // The page runs the version that it was built with, which is not that of this server.
  await desk.locator('tr', { hasText: '指挥大厅' }).getByText('旧版').waitFor()

  expect(await seriousFindings(desk)).toEqual([])

  await desk.getByLabel('场景轮播').check()
  for (const field of await desk.locator('.dwell input').all()) await field.fill('3')
  await desk.getByRole('button', { name: '保存' }).click()
  await wall.waitForURL('**/wall/water')
  await wall.locator('.wall.utility .kpis').getByText('压力合格率').waitFor()

  await desk.locator('.drawer select[aria-label="场景"]').selectOption('drainage')
  await desk.getByRole('button', { name: '显示此场景' }).click()
  await wall.waitForURL('**/wall/drainage')
  expect(await wall.locator('.turn').innerText()).toBe('指定画面')
  await desk.getByPlaceholder('留言，显示在该屏下方').fill('三号泵站检修')
  await desk.getByRole('button', { name: '发送' }).click()
  await wall.getByText('三号泵站检修').waitFor()
  expect(await wall.locator('.message').innerText()).toContain('tester')

  await desk.getByRole('button', { name: '撤销配对' }).click()
  await desk.getByRole('button', { name: '撤销配对' }).click()
  await wall.getByText('本屏的配对已被撤销').waitFor()
  await wall
    .locator('.code')
    .filter({ hasText: /\d{3}\s\d{3}/ })
    .waitFor()
  await desk.getByText('还没有配对的屏幕').waitFor()
  expect(faults).toEqual([])
})
