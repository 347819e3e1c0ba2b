/// <reference lib="dom" />
import { readFile } from 'node:fs/promises'
import { isDeepStrictEqual } from 'node:util'
import { trends } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { batchOfReadings, createPool, loadTrend, type Pool, seedStations, storeBatch } from '@yiping/db'
import { type FaultyLink, freshDatabase, startProxy, type TestDatabase, through } from '@yiping/db/testing'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { App } from '../src/app.ts'
import { seriousFindings } from './axe.ts'
import { launchChromium } from './chromium.ts'
import { startServer, webFolder } from './running.ts'
import { signIn } from './signed-in.ts'

const minuteMs = 60_000
const bucketMs = 5 * minuteMs
/** The clock of the simulated day: from noon over midnight to noon. */
const began = Date.parse('2026-11-20T12:00:00+08:00')
let clock = began
let database: TestDatabase
let pool: Pool
let app: App
/** The server's, by way of the link. */
let address: string
let browser: Browser
let page: Page
/** Of the points of each utility's line, in the order of the wall. */
let idsOf: number[][]
/** What stands between the page and the server: cut, and let through again. */
let link: FaultyLink
const faults: string[] = []

const valueAt = (at: number, id: number): number => 0.3 + 0.05 * Math.sin(at / 3_600_000) + id / 1000

/** Stores what the stations measured up to `to`, as ingest does, and lets the server's minute pass. */
async function passTo(to: number): Promise<void> {
  const each: { id: number; at: number }[] = []
  for (let at = clock + minuteMs; at <= to; at += minuteMs) for (const id of idsOf.flat()) each.push({ id, at })
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
  // Not before: what the server's own minute finds missing then, it does not look for again.
  clock = to
  await app.live.trends.follow(app.live.city, clock)
}

interface Drawn {
  chart?: { getOption(): { series: { id: string; data: [number, number | null][] }[] } }
}
/** Points of a line of each utility's chart, gaps apart: x and y as they are drawn. */
const drawn = (id: string): Promise<[number, number][][]> =>
  page.evaluate(
    (line) =>
      Array.from(document.querySelectorAll<Element & Drawn>('.wall .utilities .box'), (box) => {
        const series = box.chart?.getOption().series.find((s) => s.id === line)
        return (series?.data ?? []).filter((p): p is [number, number] => p[1] !== null)
      }),
    id,
  )
const round = (lines: readonly (readonly (readonly [number, number])[])[]): string[] =>
  lines.map((points) => points.map(([x, y]) => `${x}:${y.toFixed(6)}`).join(' '))

/** What the database has for each utility's line of the day that `to` is in, as far as whole buckets go. */
async function stored(to: number): Promise<string[]> {
  const dayStart = Math.floor((to + 8 * 3_600_000) / 86_400_000) * 86_400_000 - 8 * 3_600_000
  const lines = await Promise.all(idsOf.map((ids) => loadTrend(pool, ids, dayStart, Math.floor(to / bucketMs) * bucketMs, bucketMs)))
  return round(lines.map((line) => line.t.map((t, i) => [t - dayStart, line.mean[i] ?? Number.NaN])))
}

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  await seedStations(
    pool,
    trends.flatMap(({ domain, metric, kinds: [kind] }, n) =>
      [1, 2, 3].map((i) => {
        const code = `${metric.slice(0, 2).toUpperCase()}-${i}`
        return {
          ...{ code, name: `测点 ${code}`, kind, domain, district: '410105', gateway: null, origin: null },
          ...{ lon: 113.6 + n / 10 + i / 100, lat: 34.8, metrics: [metric] },
        }
      }),
    ),
  )
  const { rows } = await pool.query<{ id: number; metric: string }>('select id, metric from point order by id')
  idsOf = trends.map((t) => rows.filter((r) => r.metric === t.metric).map((r) => r.id))
  const server = await startServer(database.url, { now: () => clock, webFolder })
  app = server.app
  link = await startProxy('127.0.0.1', Number(new URL(server.address).port))
  address = new URL(through(server.address, link)).origin
  await passTo(began + 30 * minuteMs)
  browser = await launchChromium()
  page = await browser.newPage({ viewport: { width: 1920, height: 1080 }, locale: 'zh-CN' })
  await signIn(page.context(), address)
  page.on('pageerror', (e) => faults.push(e.message))
  await page.goto(`${address}/`)
  await page.waitForSelector('.wall .utilities canvas')
})
afterAll(async () => {
  await browser?.close()
  await link?.stop()
  await app?.stop()
  await pool?.end()
  await database?.stop()
})

const shows = async (lines: readonly string[]): Promise<boolean> => isDeepStrictEqual(round(await drawn('today')), lines)
const agrees = (): Promise<true> => until('every chart has what the database has', async () => shows(await stored(clock)), 30_000)

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
      link.cut()
      await passTo(clock + cutMs)
      link.pass()
      await agrees()
    }
    await passTo(began + 24 * 60 * minuteMs - 2 * minuteMs)
    await agrees()
    expect((await drawn('today')).map((line) => line.length > 100)).toEqual([true, true, true, true])
    // What was today at noon is yesterday now, whole.
    const yesterday = Date.parse('2026-11-20T00:00:00+08:00')
    const before = await Promise.all(idsOf.map((ids) => loadTrend(pool, ids, yesterday, yesterday + 86_400_000, bucketMs)))
    const heights = (await drawn('yesterday')).map((line) => line.map(([, y]) => y.toFixed(6)))
    expect(heights).toEqual(before.map((line) => line.mean.map((y) => y.toFixed(6))))
  })

  it('is right again after the clock was set back an hour and forth', async () => {
    const right = clock
    const shown = (at: number): Promise<unknown> =>
      page.waitForFunction(
        (text) => document.querySelector('.wall header time')?.textContent?.startsWith(text),
        new Date(at + 8 * 3_600_000).toISOString().slice(11, 16),
      )
    clock = right - 60 * minuteMs
    await shown(clock)
    clock = right
    await shown(clock)
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
    const was = await stored(at)
    await until('the charts end at that moment', () => shows(was), 30_000)
    const before = (await drawn('today'))[0]?.length ?? Number.NaN
    await page.keyboard.press('t')
    await page.getByRole('button', { name: '300×' }).click()
    // Five minutes of the city a second: another bucket comes with each.
    expect(await seriousFindings(page)).toEqual([])
    await until('it plays', async () => ((await drawn('today'))[0]?.length ?? 0) > before + 1, 30_000)
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
    await page.keyboard.type('测点 WS-2')
    await page.getByRole('option').first().waitFor()
    expect(await seriousFindings(page)).toEqual([])
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/water\?.*station=WS-2/)
    expect(faults).toEqual([])
  })
})
