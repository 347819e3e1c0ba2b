/// <reference lib="dom" />
import { readFile } from 'node:fs/promises'
import { until } from '@yiping/contract/testing'
import { batchOfReadings, createPool, loadTrend, type Pool, seedStations, storeBatch } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import type { Browser, Page, WebSocketRoute } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { App } from '../src/app.ts'
import { seriousFindings } from './axe.ts'
import { launchChromium } from './chromium.ts'
import { startServer, webFolder } from './running.ts'

const minuteMs = 60_000
const bucketMs = 5 * minuteMs
/** The clock of the simulated day: from noon over midnight to noon. */
const began = Date.parse('2026-11-20T12:00:00+08:00')
let clock = began
let database: TestDatabase
let pool: Pool
let app: App
let address: string
let browser: Browser
let page: Page
let ids: number[]
/** The page's connection: severed, and let through again. */
let severed = false
const open = new Set<WebSocketRoute>()
const faults: string[] = []

const valueAt = (at: number, id: number): number => 0.3 + 0.05 * Math.sin(at / 3_600_000) + id / 1000

/** Stores what the stations measured up to `to`, as ingest does, and lets the server's minute pass. */
async function passTo(to: number): Promise<void> {
  const each: { id: number; at: number }[] = []
  for (let at = clock + minuteMs; at <= to; at += minuteMs) for (const id of ids) each.push({ id, at })
  clock = to
  await storeBatch(
    pool,
    batchOfReadings(
      {
        pointId: each.map((e) => e.id),
        observedAt: each.map((e) => e.at),
        receivedAt: each.map((e) => e.at + 300),
        value: each.map((e) => valueAt(e.at, e.id)),
        quality: each.map(() => 0),
        source: each.map(() => 'telemetry'),
      },
      [],
    ),
  )
  await app.live.trends.follow(app.live.city, clock)
}

interface Drawn {
  chart: { getOption(): { series: { id: string; data: [number, number | null][] }[] } }
}
/** Points of a chart's line, gaps apart: x and y as they are drawn. */
const drawn = (selector: string, id: string): Promise<[number, number][]> =>
  page.evaluate(
    ([sel, line]) => {
      const box = document.querySelector<Element & Drawn>(sel)
      const series = box?.chart.getOption().series.find((s) => s.id === line)
      return (series?.data ?? []).filter((p): p is [number, number] => p[1] !== null)
    },
    [selector, id] as const,
  )
const round = (points: readonly (readonly [number, number])[]): string => points.map(([x, y]) => `${x}:${y.toFixed(6)}`).join(' ')

/** What the database has for the day's line of the wall, as far as whole buckets go. */
async function stored(): Promise<string> {
  const dayStart = Math.floor((clock + 8 * 3_600_000) / 86_400_000) * 86_400_000 - 8 * 3_600_000
  const line = await loadTrend(pool, ids, dayStart, Math.floor(clock / bucketMs) * bucketMs, bucketMs)
  return round(line.t.map((t, i) => [t - dayStart, line.mean[i] ?? Number.NaN]))
}

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  await seedStations(
    pool,
    [1, 2, 3].map((n) => ({
      ...{ code: `WS-${n}`, name: `测点 ${n}`, kind: 'ws_pressure', domain: 'water' as const, district: '410105', gateway: null, origin: null },
      ...{ lon: 113.7 + n / 100, lat: 34.8, metrics: ['ws.pressure'] },
    })),
  )
  ids = (await pool.query<{ id: number }>('select id from point order by id')).rows.map((r) => r.id)
  ;({ app, address } = await startServer(database.url, { now: () => clock, webFolder }))
  await passTo(began + 30 * minuteMs)
  browser = await launchChromium()
  page = await browser.newPage({ viewport: { width: 1920, height: 1080 }, locale: 'zh-CN' })
  page.on('pageerror', (e) => faults.push(e.message))
  await page.routeWebSocket(/\/socket\.io\//, (route) => {
    if (severed) {
      void route.close()
      return
    }
    open.add(route)
    route.connectToServer()
  })
  await page.goto(`${address}/`)
  await page.waitForSelector('.wall .utilities canvas')
})
afterAll(async () => {
  await browser?.close()
  await app?.stop()
  await pool?.end()
  await database?.stop()
})

const sever = async (): Promise<void> => {
  severed = true
  for (const route of open) await route.close()
  open.clear()
}
/** The first chart of the wall is the water's. */
const chart = '.wall .utilities .box'
const agrees = (): Promise<true> => until('the chart has what the database has', async () => round(await drawn(chart, 'today')) === (await stored()), 30_000)

describe('a day with cuts', () => {
  it('leaves no hole in any chart: after seconds, minutes, an hour, and over midnight', async () => {
    // Seeded: the same moments at every run.
    let seed = 7
    const random = (): number => {
      seed = (seed * 16_807) % 2_147_483_647
      return seed / 2_147_483_647
    }
    await agrees()
    const cuts = [5_000, 5 * minuteMs, 60 * minuteMs, 60 * minuteMs, 5 * minuteMs]
    for (const cutMs of cuts) {
      // Some hours of live data, a part of them in one leap as a sleeping machine sees it.
      await passTo(clock + Math.round(2 + random() * 150) * minuteMs)
      await passTo(clock + Math.round(1 + random() * 90) * minuteMs)
      await sever()
      await passTo(clock + cutMs)
      severed = false
      await agrees()
    }
    await passTo(began + 24 * 60 * minuteMs - 2 * minuteMs)
    await agrees()
    expect((await drawn(chart, 'today')).length).toBeGreaterThan(100)
    // What was today at noon is yesterday now, whole.
    const [yesterday] = [await drawn(chart, 'yesterday')]
    const before = await loadTrend(pool, ids, Date.parse('2026-11-20T00:00:00+08:00'), Date.parse('2026-11-21T00:00:00+08:00'), bucketMs)
    expect(yesterday.map(([, y]) => y.toFixed(6))).toEqual(before.mean.map((y) => y.toFixed(6)))
  }, 60_000)

  it('is right again after the clock was set back an hour and forth', async () => {
    const right = clock
    clock = right - 60 * minuteMs
    await page.waitForFunction((text) => document.querySelector('.wall header time')?.textContent?.startsWith(text), '10:58')
    clock = right
    await page.waitForFunction((text) => document.querySelector('.wall header time')?.textContent?.startsWith(text), '11:58')
    await passTo(clock + 20 * minuteMs)
    await agrees()
    expect(faults).toEqual([])
  })
})

describe('the time machine', () => {
  it('shows the wall as it was, says loudly that it is not live, plays on, and comes back by one key', async () => {
    const at = began + 3 * 60 * minuteMs
    await page.goto(`${address}/?at=${at}`)
    const band = page.locator('.replay')
    await band.getByText('15:00:00').waitFor()
    expect(await band.textContent()).toContain('不是实时')
    const day = Date.parse('2026-11-20T00:00:00+08:00')
    const line = await loadTrend(pool, ids, day, at, bucketMs)
    const was = round(line.t.map((t, i) => [t - day, line.mean[i] ?? Number.NaN]))
    await until('the chart ends at that moment', async () => round(await drawn(chart, 'today')) === was, 30_000)
    await page.keyboard.press('t')
    await page.getByRole('button', { name: '300×' }).click()
    // Five minutes of the city a second: another bucket comes with each.
    expect(await seriousFindings(page)).toEqual([])
    await until('it plays', async () => (await drawn(chart, 'today')).length > line.t.length + 1, 30_000)
    await page.keyboard.press('l')
    await band.waitFor({ state: 'detached' })
    await agrees()
    expect(new URL(page.url()).searchParams.has('at')).toBe(false)
    expect(faults).toEqual([])
  })
})

describe('tools on every screen', () => {
  it('take the picture of a panel, find a station by key, and list the keys', async () => {
    await page.hover('.wall .utilities > *')
    const [download] = await Promise.all([page.waitForEvent('download'), page.keyboard.press('s')])
    expect(download.suggestedFilename()).toMatch(/^供水-2026-11-2\d-\d{6}\.png$/)
    const picture = await readFile(await download.path())
    expect(picture.subarray(1, 4).toString()).toBe('PNG')
    expect(picture.readUInt32BE(16)).toBeGreaterThan(600)
    await page.keyboard.press('?')
    await page.getByRole('dialog', { name: '键盘快捷键' }).waitFor()
    expect(await seriousFindings(page)).toEqual([])
    await page.keyboard.press('Escape')
    await page.keyboard.press('/')
    await page.keyboard.type('测点 2')
    await page.getByRole('option').first().waitFor()
    expect(await seriousFindings(page)).toEqual([])
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/water\?.*station=WS-2/)
    expect(faults).toEqual([])
  })
})
