import { until } from '@yiping/contract/testing'
import { batchOfReadings, createPool, type Pool, seedPipes, seedStations, storeBatch } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { App } from '../src/app.ts'
import { launchChromium } from './chromium.ts'
import { startServer, webFolder } from './running.ts'
import { signIn } from './signed-in.ts'

let database: TestDatabase
let pool: Pool
let app: App
let address: string
let browser: Browser
let page: Page
let policy = ''
const faults: string[] = []
const asked: string[] = []

/** Three gauges in 金水区, one of them low; one in 中原区 that has said nothing; a pipe between the first two and one far away. */
beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  const station = (n: number, district: string, lon: number) => ({
    ...{ code: `WS-${n}`, name: `金水区 文化路 ${n}# 测压点`, kind: 'ws_pressure', domain: 'water' as const, district, gateway: null, origin: null },
    ...{ lon, lat: 34.79, metrics: ['ws.pressure'] },
  })
  await seedStations(pool, [station(1, '410105', 113.68), station(2, '410105', 113.69), station(3, '410105', 113.71), station(4, '410102', 113.58)])
  const pipe = (code: string, from: string, to: string, west: number, east: number) => ({
    ...{ domain: 'water' as const, code, from_node: from, to_node: to, length_m: 900, diameter_mm: 400, source: 'C-Town', simulated: true },
    path: [
      [west, 34.79],
      [east, 34.79],
    ] as [number, number][],
  })
  await seedPipes(pool, [pipe('P1', 'A', 'B', 113.68, 113.69), pipe('P2', 'X', 'Y', 113.2, 113.21)])
  const { rows } = await pool.query<{ id: number; code: string }>('select p.id, s.code from point p join station s on s.id = p.station_id')
  const now = Date.now()
  const said = rows.filter((r) => r.code !== 'WS-4')
  await storeBatch(
    pool,
    batchOfReadings(
      {
        ...{ pointId: said.map((r) => r.id), observedAt: said.map(() => now - 1000), receivedAt: said.map(() => now) },
        ...{ value: said.map((r) => (r.code === 'WS-3' ? 0.12 : 0.3)), quality: said.map(() => 0), source: said.map(() => 'telemetry') },
      },
      [],
    ),
  )
  ;({ app, address } = await startServer(database.url, { webFolder }))
  browser = await launchChromium()
  page = await browser.newPage({ viewport: { width: 1440, height: 900 }, locale: 'zh-CN' })
  await signIn(page.context(), address)
  page.on('pageerror', (e) => faults.push(e.message))
  page.on('request', (r) => asked.push(r.url()))
  page.on('websocket', (s) => asked.push(s.url()))
  page.on('response', (r) => {
    if (r.request().isNavigationRequest()) policy = r.headers()['content-security-policy'] ?? ''
  })
})
afterAll(async () => {
  await browser?.close()
  await app?.stop()
  await pool?.end()
  await database?.stop()
})

const query = (): Record<string, string> => Object.fromEntries(new URL(page.url()).searchParams)
const trail = (): Promise<string> => page.locator('.trail').innerText({ timeout: 10_000 })

describe('the map in a real browser', () => {
  it('colours the districts by a KPI, with a legend that says unit, formula, coverage and who is left out', async () => {
    await page.goto(`${address}/water?map=ws.pressure_pass`)
    const legend = page.getByRole('region', { name: '区县着色图例' })
    await legend.getByText('1 个区县无新鲜数据 · 10 个区县无此类测点').waitFor()
    const text = await legend.innerText()
    expect(text).toContain('压力合格率')
    expect(text).toContain('0.14 MPa ≤ 压力 ≤ 0.50 MPa')
    expect(text).toMatch(/新鲜 3 \/ 4/)
    await page.locator('.name.fig', { hasText: '66.7' }).waitFor()
    await page.getByLabel('区县着色', { exact: true }).selectOption({ label: '低压点' })
    await legend.getByText('低压点').first().waitFor()
    expect(query()).toEqual({ map: 'ws.low_pressure' })
  })

  it('draws the network and says that it is simulated, and from what its colours come', async () => {
    await page.locator('select[aria-label="管网"]').selectOption('pressure')
    const legend = page.getByRole('region', { name: '管网', exact: true })
    await legend.getByText('模拟管网').waitFor()
    await legend.getByText('1 / 2 段有值').waitFor()
    expect(await legend.innerText()).toContain('非实测')
    expect(query()).toEqual({ map: 'ws.low_pressure', pipes: 'pressure' })
  })

  it('goes from the city into a district and to a station, and back by one key a step', async () => {
    const name = page.locator('svg text.name', { hasText: '登封市' })
    const at = await name.boundingBox()
    if (!at) throw new Error('no name on the map')
    await page.mouse.click(at.x + at.width / 2, at.y + at.height / 2)
    await until('the district is in the address', () => query().district === '410185')
    expect(await trail()).toMatch(/郑州\s*登封市/)
    await page.keyboard.press('Escape')
    await until('the city again', () => query().district === undefined)

    await page.goto(`${address}/water?district=410105`)
    await page.locator('.stations button', { hasText: '3# 测压点' }).click()
    await until('the station is in the address', () => query().station === 'WS-3')
    expect(await trail()).toMatch(/郑州\s*金水区\s*文化路 3# 测压点/)
    await page.keyboard.press('Backspace')
    await until('the district again', () => query().station === undefined)
    expect(query().district).toBe('410105')
    expect(await trail()).toMatch(/郑州\s*金水区\s*Esc/)
    await page.keyboard.press('Backspace')
    await until('the city again', () => query().district === undefined)
    await page.locator('.trail').waitFor({ state: 'detached' })
  })

  it('asks nobody but its own server on any screen, and is not let out by its policy', async () => {
    for (const path of ['/', '/?map=online', '/gas', '/heating', '/drainage', '/alarms']) {
      await page.goto(`${address}${path}`)
      await page.locator('nav').first().waitFor()
    }
    await page.goto(`${address}/?map=online`)
    await page.getByRole('region', { name: '区县着色图例' }).waitFor()
    const { host } = new URL(address)
    expect(asked.length).toBeGreaterThan(30)
    expect(asked.some((url) => url.startsWith('ws:'))).toBe(true)
    expect(asked.filter((url) => !url.startsWith('data:') && !url.startsWith('blob:') && new URL(url).host !== host)).toEqual([])
    for (const rule of ["default-src 'self'", "connect-src 'self'", "script-src 'self'"]) expect(policy).toContain(rule)
    const refused = await page.evaluate(async () => {
      const violation = new Promise<string>((resolve) => addEventListener('securitypolicyviolation', (e) => resolve(`${e.effectiveDirective} ${e.blockedURI}`)))
      const outcome = await fetch('http://192.0.2.1/tiles').then(
        () => 'let out',
        () => 'refused',
      )
      return [outcome, await violation]
    })
    expect(refused).toEqual(['refused', 'connect-src http://192.0.2.1/tiles'])
    expect(faults).toEqual([])
  })
})
