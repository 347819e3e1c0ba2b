/// <reference lib="dom" />
import { type DomainCode, type StationKind, stationKinds } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { batchOfReadings, createPool, formatStatus, notify, type Pool, seedStations, statusChannel, storeBatch } from '@yiping/db'
import { freshDatabase, insertAlarm, type TestDatabase } from '@yiping/db/testing'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { App } from '../src/app.ts'
import { launchChromium } from './chromium.ts'
import { startServer, webFolder } from './running.ts'
import { signIn } from './signed-in.ts'

const hourMs = 3_600_000
/** Runs as any clock does, from an afternoon on, and can be set forward. */
let began = Date.parse('2026-11-20T15:00:00+08:00') - performance.now()
const clock = (): number => Math.round(began + performance.now())
let database: TestDatabase
let pool: Pool
let app: App
let browser: Browser
let page: Page
/** Says what an ingest process says each second. */
let beat: NodeJS.Timeout | undefined
const faults: string[] = []

const stationsOfKind = 3
const codeOf = (kind: StationKind, n: number): string => `${kind.code}-${n}`
const seeds = stationKinds.flatMap((kind, i) =>
  Array.from({ length: stationsOfKind }, (_, n) => ({
    ...{ code: codeOf(kind, n), name: `金水区 ${kind.name.zh} ${n}#`, kind: kind.code, domain: kind.domain, district: '410105', gateway: null, origin: null },
    ...{ lon: 113.6 + i / 50, lat: 34.7 + n / 50, metrics: kind.metrics },
  })),
)

/** Every point of these utilities reports the same number, as ingest stores it. */
async function report(domains: readonly DomainCode[], at: number): Promise<void> {
  const { rows } = await pool.query<{ id: number }>('select p.id from point p join station s on s.id = p.station_id where s.domain = any($1)', [domains])
  const of = <T>(value: T): T[] => rows.map(() => value)
  const readings = { pointId: rows.map((r) => r.id), observedAt: of(at), receivedAt: of(at + 300), value: of(1), quality: of(0), source: of('telemetry') }
  await storeBatch(pool, batchOfReadings(readings, []))
}

const panel = (name: string) => page.locator('.utilities').getByRole('region', { name, exact: true })
const figures = (name: string): Promise<string[]> => panel(name).locator('.value .fig').allInnerTexts()

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  const server = await startServer(database.url, { now: clock, webFolder })
  app = server.app
  const said = { shard: 'main', role: 'active', inFlight: 0, spoolBytes: 0, spoolFull: false, broker: 'up', lastCommitAt: null, version: 'test' } as const
  beat = setInterval(() => void notify(pool, statusChannel, formatStatus({ ...said, at: clock() })).catch(() => {}), 1000)
  browser = await launchChromium()
  page = await browser.newPage({ viewport: { width: 1920, height: 1080 }, locale: 'zh-CN' })
  await signIn(page.context(), server.address)
  page.on('pageerror', (e) => faults.push(e.message))
  page.on('console', (m) => m.type() === 'error' && faults.push(m.text()))
  await page.goto(server.address)
})
afterAll(async () => {
  clearInterval(beat)
  await browser?.close()
  await app?.stop()
  await pool?.end()
  await database?.stop()
})

describe('the wall of a city', () => {
  it('that has nothing says so, and shows no number that it does not have', async () => {
    await page.getByRole('heading', { name: '尚无数据' }).waitFor()
    for (const name of ['供水', '燃气', '供热', '排水']) {
      await panel(name).getByText('今日尚无趋势').waitFor()
      expect(await figures(name), name).toEqual(['—', '—', '—', '—'])
    }
    expect(await page.locator('.utilities canvas').count()).toBe(0)
  })

  it('with one silent utility shows that it is, how long, and none of its last numbers', async () => {
    await seedStations(pool, seeds)
    await page.getByRole('heading', { name: '尚无读数' }).waitFor()
    await report(['gas'], clock())
    await until('gas is there', async () => (await figures('燃气')).filter((f) => f !== '—').length > 2)
    began += 26 * hourMs
    await report(['water', 'heating', 'drainage'], clock())
    await page.getByRole('heading', { name: '燃气停报' }).waitFor()
    await panel('燃气')
      .getByText(/1 天 [12] 时无新数据/)
      .waitFor()
    // The last is worked out once a day: it holds.
    expect(await figures('燃气')).toEqual(['—', '—', '—', '1.0'])
    for (const name of ['供水', '供热', '排水']) expect((await figures(name)).filter((f) => f === '—').length, name).toBeLessThan(2)
  })

  it('in a flood of alarms says how many and where most are, and lists the heaviest', async () => {
    await report(['gas'], clock())
    const floods = seeds.filter((s) => s.domain === 'gas').flatMap((s) => s.metrics.map((metric) => ({ ...s, metric })))
    for (const [i, { code, metric, district }] of floods.entries())
      await insertAlarm(pool, {
        ...{ id: `flood-${i}`, rule: 'gs.ch4_lel.high', subject: `${code}:${metric}`, domain: 'gas', district, station: code, metric },
        ...{ severity: i < 3 ? 2 : 3, activeAt: clock() - 10_000, value: 12, limit: 10, unit: '%{LEL}' },
      })
    await page.getByRole('heading', { name: `报警洪泛，共 ${floods.length} 条` }).waitFor()
    await page.getByText(`3 条橙色以上，燃气最多（${floods.length} 条）`).waitFor()
    await page.locator('.alarms').getByText(`/ ${floods.length}`).waitFor()
    expect(await page.locator('.alarms li').count()).toBeGreaterThan(3)
  })
})

/** What reaches out of the window or over its neighbour, and words that are cut where a figure stands. */
const faultsOfLayout = (): Promise<string[]> =>
  page.evaluate(() => {
    const said: string[] = []
    const boxes = [...document.querySelectorAll('.wall > *, .stage > *, .utilities .panel, .lists > *')].filter((e) => e.checkVisibility())
    for (const e of boxes) {
      const box = e.getBoundingClientRect()
      if (box.left < -1 || box.top < -1 || box.right > innerWidth + 1 || box.bottom > innerHeight + 1) said.push(`${e.className} leaves the window`)
    }
    const panels = [...document.querySelectorAll('.utilities .panel, .lists > *, .truth, .city')].map((e) => ({
      name: e.className,
      box: e.getBoundingClientRect(),
    }))
    for (const [i, a] of panels.entries())
      for (const b of panels.slice(i + 1))
        if (a.box.left < b.box.right - 1 && b.box.left < a.box.right - 1 && a.box.top < b.box.bottom - 1 && b.box.top < a.box.bottom - 1)
          said.push(`${a.name} lies over ${b.name}`)
    for (const e of document.querySelectorAll('.kpi .value, .counts dd, h2 > a')) if (e.scrollWidth > e.clientWidth + 1) said.push(`${e.textContent} is cut`)
    if (document.documentElement.scrollWidth > innerWidth || document.documentElement.scrollHeight > innerHeight) said.push('the page scrolls')
    return said
  })
const sizeOfFigures = (): Promise<number> =>
  page.evaluate(() => Number.parseFloat(getComputedStyle(document.querySelector('.kpi .fig') ?? document.body).fontSize))

describe('the wall', () => {
  it('fits every screen without a bar, a cut or an overlap, its type as large as the screen is high', async () => {
    const rows = () => page.locator('.alarms li').count()
    let share = 0
    let six = 0
    for (const [width, height] of [
      [1920, 1080],
      [3840, 2160],
      [5120, 1440],
      [1366, 768],
    ] as const) {
      await page.setViewportSize({ width, height })
      share ||= (await sizeOfFigures()) / height
      six ||= await rows()
      // 32:9 has a list from top to bottom where 16:9 has six lines.
      const enough = width === 5120 ? 2 * six : 3
      const arrived = async () =>
        Math.abs((await sizeOfFigures()) / height / share - 1) < 0.05 && (await rows()) > enough && (await faultsOfLayout()).length === 0
      await until(`a layout for ${width} x ${height}`, arrived).catch(async () => {
        expect({ share: (await sizeOfFigures()) / height, rows: await rows(), faults: await faultsOfLayout() }, `${width} x ${height}`).toEqual({
          share,
          rows: enough,
          faults: [],
        })
      })
    }
    expect(faults).toEqual([])
  })
})
