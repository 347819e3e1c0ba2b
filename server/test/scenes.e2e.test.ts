import { stationKinds } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { batchOfReadings, createPool, type Pool, seedStations, storeBatch } from '@yiping/db'
import { freshDatabase, insertAlarm, type TestDatabase } from '@yiping/db/testing'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { App } from '../src/app.ts'
import { seriousFindings } from './axe.ts'
import { launchChromium } from './chromium.ts'
import { startServer, webFolder } from './running.ts'
import { signIn } from './signed-in.ts'

const minuteMs = 60_000
let database: TestDatabase
let pool: Pool
let app: App
let browser: Browser
let page: Page
let address: string
const faults: string[] = []

/** One value for every metric: calm, but for methane with ethane, a cold room and an underpass that is to be closed. */
const values: Record<string, number> = {
  ...{ 'ws.pressure': 0.12, 'ws.turbidity': 0.3, 'ws.cl_out': 0.6, 'ws.cl_end': 0.2, 'ws.ph': 7.4, 'ws.leak_rate': 8, 'ws.mnf_ratio': 30 },
  ...{ 'gs.ch4_lel': 12, 'gs.c2h6': 90, 'gs.p_mid': 0.3, 'gs.p_reg_out': 2.6, 'gs.p_low': 2.4, 'gs.imbalance': 2, 'gs.odorant': 24 },
  ...{ 'ht.room': 16.5, 'ht.t1s': 80, 'ht.t1r': 43, 'ht.t_out': 4, 'ht.power': 900 },
  ...{ 'dr.underpass': 27, 'dr.ponding': 2, 'dr.rain': 1, 'dr.forebay': 1.8, 'dr.pump': 1 },
}

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  const seeds = stationKinds.map((kind, i) => ({
    ...{ code: `${kind.code}-1`, name: `金水区 ${kind.name.zh} 1#`, kind: kind.code, domain: kind.domain, district: '410105', gateway: null, origin: null },
    ...{ lon: 113.7 + i / 5000, lat: 34.8, owner: '值班（模拟）', metrics: kind.metrics },
  }))
  await seedStations(pool, seeds)
  const { rows } = await pool.query<{ id: number; metric: string }>('select id, metric from point')
  const now = Date.now()
  const each = rows.flatMap((r) => Array.from({ length: 12 }, (_, i) => ({ ...r, at: now - i * 5 * minuteMs - 1000, value: values[r.metric] ?? 1 })))
  await storeBatch(
    pool,
    batchOfReadings(
      {
        pointId: each.map((e) => e.id),
        observedAt: each.map((e) => e.at),
        receivedAt: each.map((e) => e.at + 800),
        value: each.map((e) => e.value),
        quality: each.map(() => 0),
        source: each.map(() => 'telemetry'),
      },
      [],
    ),
  )
  await insertAlarm(pool, {
    ...{ id: 'gas', rule: 'gs.ch4_lel.high', subject: 'gs_void-1:gs.ch4_lel', domain: 'gas', district: '410105', station: 'gs_void-1', metric: 'gs.ch4_lel' },
    ...{ activeAt: now - 10 * minuteMs, value: 12, limit: 10, unit: '%{LEL}' },
  })
  ;({ app, address } = await startServer(database.url, { webFolder }))
  browser = await launchChromium()
  page = await browser.newPage({ viewport: { width: 1440, height: 900 }, locale: 'zh-CN' })
  await signIn(page.context(), address)
  page.on('pageerror', (e) => faults.push(e.message))
  page.on('console', (m) => m.type() === 'error' && faults.push(m.text()))
})
afterAll(async () => {
  await browser?.close()
  await app?.stop()
  await pool?.end()
  await database?.stop()
})

const row = (text: string) => page.locator('.panels tbody tr', { hasText: text })
/** What reaches beyond the window, or is cut inside its own box without being meant to. */
const outside = () =>
  page.evaluate(() =>
    [...document.querySelectorAll('.desk > :not(.skip), main > *, .strip li, .panels, .day, .drawer')].flatMap((e) => {
      const box = e.getBoundingClientRect()
      return box.right > innerWidth + 1 || box.bottom > innerHeight + 1 || box.left < -1
        ? [`${e.className} ${Math.round(box.right)} ${Math.round(box.bottom)}`]
        : []
    }),
  )

describe('a topic scene in a real browser', () => {
  it.each([
    ['water', 'ws_dma-1', 'low', 'DMA 计量点 1#', '0.120'],
    ['gas', 'gs_void-1', 'voids', '燃气阀井 1#', '天然气'],
    ['heating', 'ht_room-1', 'cold', '室温监测点 1#', '16.5'],
    ['drainage', 'dr_underpass-1', 'passage', '下穿立交 1#', '封'],
  ] as const)('shows what %s is about, opens a station beside it, and axe finds nothing serious', async (domain, station, panel, name, said) => {
    await page.goto(`${address}/${domain}?panel=${panel}`)
    await row(name).getByText(said).first().waitFor()
    expect(await outside()).toEqual([])
    await row(name).click()
    await page.locator('.drawer canvas').waitFor()
    expect(new URL(page.url()).searchParams.get('station')).toBe(station)
    expect(await outside()).toEqual([])
    expect(await seriousFindings(page)).toEqual([])
  })

  it('walks a station’s tabs with the arrow keys, keeps them in the address, and goes to a neighbour of another utility', async () => {
    await page.goto(`${address}/gas?station=gs_void-1`)
    await page.getByRole('tab', { name: '测点' }).focus()
    await page.keyboard.press('ArrowRight')
    await page.locator('#station-body').getByText('相邻地下空间甲烷').waitFor()
    await page.keyboard.press('ArrowRight')
    await page.locator('#station-body').getByText('值班（模拟）').waitFor()
    expect(await seriousFindings(page)).toEqual([])
    await page.keyboard.press('ArrowRight')
    await page.locator('#station-body tbody tr').nth(10).waitFor()
    expect(await seriousFindings(page)).toEqual([])
    await page.keyboard.press('ArrowRight')
    await page.locator('#station-body').getByText('供水 · 二次供水泵房').waitFor()
    expect(new URL(page.url()).searchParams.get('tab')).toBe('nearby')
    await page.getByRole('button', { name: '7 天' }).click()
    await page.locator('.drawer').getByText('汇总').waitFor()
    expect(new URL(page.url()).searchParams.get('span')).toBe('7d')
    await page.locator('#station-body button', { hasText: '二次供水泵房' }).first().click()
    await page.locator('.drawer h2', { hasText: '二次供水泵房 1#' }).waitFor()
    expect(new URL(page.url()).pathname).toBe('/water')
  })

  it('explains a key figure to the keyboard, on the desk and on the wall, and is silent after Esc', async () => {
    await page.goto(`${address}/water`)
    await page.locator('.strip button').nth(1).focus()
    const tip = page.getByRole('tooltip').filter({ visible: true })
    await tip.getByText('2 / 2').waitFor()
    expect(await tip.innerText()).toMatch(/合格测点 0[\s\S]*2 \/ 2[\s\S]*≥ 97 % · .*标准/)
    await page.keyboard.press('Escape')
    await until('nothing is explained', async () => (await tip.count()) === 0)
    await page.goto(address)
    await page.locator('.panel .kpi').nth(1).focus()
    await tip.getByText('分母').waitFor()
    const box = await tip.boundingBox()
    expect(box && box.x >= 0 && box.x + box.width <= 1440).toBe(true)
    await page.keyboard.press('Escape')
    await until('nothing is explained', async () => (await tip.count()) === 0)
  })

  it('opens a station’s point in history, takes a second one by the keyboard, looks closer, and axe finds nothing serious', async () => {
    const drawn = (name: string): Promise<number> =>
      page.evaluate((id) => {
        type Drawn = HTMLElement & { chart?: { getOption(): { series: { id: string; data: [number, number | null][] }[] } } }
        const series = document.querySelector<Drawn>('.line .box')?.chart?.getOption().series
        return series?.find((s) => s.id === `${id} mean`)?.data.filter(([, value]) => value !== null).length ?? 0
      }, name)
    await page.goto(`${address}/drainage?station=dr_pump-1&metric=dr.forebay&span=1h`)
    await page.getByRole('link', { name: '在历史中打开' }).click()
    await until('the point is drawn', async () => (await drawn('dr_pump-1:dr.forebay')) >= 11)
    await page.getByRole('combobox', { name: '加测点' }).focus()
    await page.keyboard.type('雨量站 dr.rain')
    await page.keyboard.press('Enter')
    await until('the second is drawn beside it', async () => (await drawn('dr_rain-1:dr.rain')) >= 11)
    expect(new URL(page.url()).searchParams.get('points')).toBe('dr_pump-1:dr.forebay,dr_rain-1:dr.rain')
    expect(await page.locator('.readout tbody tr').count()).toBe(2)
    for (const tab of ['历时曲线', '日 × 时']) {
      await page.getByRole('tab', { name: tab }).click()
      await page.locator('#history-body canvas').waitFor()
    }
    expect(await outside()).toEqual([])
    expect(await seriousFindings(page)).toEqual([])
    await page.locator('.line .chart').focus()
    await page.keyboard.press('+')
    await page.waitForURL(/from=/)
    await until('half of it is seen', async () => {
      const n = await drawn('dr_pump-1:dr.forebay')
      return n > 0 && n < 9
    })
  })

  it('leaves no fault behind', () => {
    expect(faults).toEqual([])
  })
})
