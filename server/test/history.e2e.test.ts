import type { IncomingMessage, ServerResponse } from 'node:http'
import { until } from '@yiping/contract/testing'
import { createPool, type Pool, refreshRollups, seedStations } from '@yiping/db'
import { freshDatabase, insertAlarm, type TestDatabase } from '@yiping/db/testing'
import { parquetMetadata } from 'hyparquet'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { App } from '../src/app.ts'
import { seriousFindings } from './axe.ts'
import { launchChromium } from './chromium.ts'
import { startServer, webFolder } from './running.ts'
import { fetch, signIn } from './signed-in.ts'

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
let database: TestDatabase
let pool: Pool
let app: App
let browser: Browser
let page: Page
let address: string
const faults: string[] = []
/** An hour that has begun: every reading lies before it. */
const end = Math.floor(Date.now() / hour) * hour
const begin = end - 16 * day
const points = ['WS-1:ws.pressure', 'WS-1:ws.flow']
const span = `from=${begin + 2 * day}&to=${end}`
const desk = (query: string): string => `${address}/history?points=${points}&${query}`
const iso = (at: number): string => encodeURIComponent(new Date(at).toISOString())
const own = (from: number, to: number): string => `from=${iso(from)}&to=${iso(to)}`

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  const seed = { domain: 'water' as const, district: '410105', lon: 113.7, lat: 34.8, gateway: null, origin: null }
  await seedStations(pool, [
    { ...seed, code: 'WS-1', name: '金水区 文化路 1#', kind: 'ws_pressure', metrics: ['ws.pressure', 'ws.flow'] },
    { ...seed, code: 'DR-R-1', name: '金水区 文化路 雨量站', kind: 'dr_rain', domain: 'drainage', metrics: ['dr.rain'] },
  ])
  // Every 5 min a wave that never repeats; the flow follows the pressure by 20 min; one peak a single reading wide; rain of two hours.
  await pool.query(
    `insert into reading (point_id, observed_at, received_at, value, quality)
     select p.id, to_timestamp($1::float8 / 1000) + n * interval '5 min', now(),
       case p.metric when 'dr.rain' then case when n between 4500 and 4523 then 0.5 else 0 end
         when 'ws.pressure' then case when n = 1500 then 0.9 else 0.3 + 0.04 * sin(n / 41.0) + 0.03 * sin(n / 7.3) + n / 100000.0 end
         else 300 + 40 * sin((n - 4) / 41.0) + 30 * sin((n - 4) / 7.3) + n / 100.0 end, 0
     from point p cross join generate_series(0, $2::int - 1) n`,
    [begin, (end - begin) / (5 * minute)],
  )
  await refreshRollups(pool, begin, end)
  await insertAlarm(pool, {
    ...{ id: 'low', rule: 'ws.pressure.low', subject: points[0] as string, domain: 'water', district: '410105', station: 'WS-1', metric: 'ws.pressure' },
    ...{ activeAt: end - 8 * hour, value: 0.15, limit: 0.16, unit: 'MPa' },
  })
  ;({ app, address } = await startServer(database.url, { webFolder }))
  browser = await launchChromium()
})
afterAll(async () => {
  await browser?.close()
  await app?.stop()
  await pool?.end()
  await database?.stop()
})
beforeEach(async () => {
  await page?.close()
  page = await browser.newPage({ viewport: { width: 1366, height: 768 }, locale: 'zh-CN' })
  await signIn(page.context(), address)
  page.on('pageerror', (e) => faults.push(e.message))
})

type Rows = [number, number | null][]
/** What the chart holds of a series of its own. */
const drawn = (id: string): Promise<Rows> =>
  page.evaluate((id) => {
    type Drawn = HTMLElement & { chart?: { getOption(): { series: { id: string; data: [number, number | null][] }[] } } }
    return (
      document
        .querySelector<Drawn>('.line .box')
        ?.chart?.getOption()
        .series.find((s) => s.id === id)?.data ?? []
    )
  }, id)
const said = (selector: string): Promise<string> => page.locator(selector).innerText()

describe('the analyst’s desk in a browser', () => {
  it('lays last week over this one, marks alarms and rain, and a link shows a colleague the same', async () => {
    await page.goto(desk(`${own(end - 12 * hour, end)}&compare=week&rain=1`))
    await until('both weeks are drawn', async () => (await drawn(`${points[0]} ghost`)).length > 100)
    const [now, then] = [await drawn(`${points[0]} mean`), await drawn(`${points[0]} ghost`)]
    // The wave does not repeat, but for the slow rise: what is dotted is the row of a week ago, at the same place.
    expect(then.map(([at]) => at)).toEqual(now.map(([at]) => at))
    const { rows } = await pool.query<{ value: number }>(
      `select value from plain_reading r join point p on p.id = r.point_id where p.metric = 'ws.pressure' and observed_at >= to_timestamp($1::float8 / 1000) order by observed_at limit 144`,
      [end - 12 * hour - 7 * day],
    )
    expect(then.map(([, value]) => value)).toEqual(rows.map((r) => r.value))
    expect(await said('h2 .past')).toMatch(/^上周同刻 \d{4}-\d\d-\d\d \d\d:\d\d 至 /)
    await until(
      'the alarm and the rain are there',
      async () => (await drawn('alarm-2')).length + (await drawn('alarm-3')).length + (await drawn('alarm-4')).length + (await drawn('alarm-1')).length === 1,
    )
    await until('the rain is drawn', async () => (await drawn('rain')).length > 0)
    expect(await said('.foot')).toContain('合计 12.0 mm')
    expect(await said('.readout thead')).toContain('较上周')
    await page.locator('.line .chart').focus()
    await page.keyboard.press('ArrowLeft')
    expect(await said('.tip')).toMatch(/上周 0\.\d{3}.*差 [+−]?0\.\d{3}/s)
    expect(await seriousFindings(page)).toEqual([])
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.getByRole('button', { name: '复制链接' }).click()
    await page.getByRole('button', { name: '已复制' }).waitFor()
    const link = await page.evaluate(() => navigator.clipboard.readText())
    await page.goto('about:blank')
    await page.goto(link)
    await until('the colleague sees it', async () => JSON.stringify(await drawn(`${points[0]} ghost`)) === JSON.stringify(then))
  })

  it('keeps a peak of one reading over any span, and asks for a finer tier closer to it', async () => {
    const peak = begin + 1500 * 5 * minute
    await page.goto(desk(own(begin, end)))
    const top = async (): Promise<number> => {
      const [low, spread] = [await drawn(`${points[0]} low`), await drawn(`${points[0]} band`)]
      return Math.max(...low.map(([, l], i) => (l ?? 0) + (spread[i]?.[1] ?? 0)))
    }
    await until('all of it is drawn', async () => (await drawn(`${points[0]} mean`)).length > 100)
    expect([await top(), await said('.foot')]).toEqual([expect.closeTo(0.9, 9), expect.stringMatching(/最小–最大带.*取自 (15 分|1 时)汇总/)])
    // By the keyboard: the fields take the span, + looks closer at its middle.
    await page
      .getByLabel('起始时间')
      .fill(await page.evaluate((at) => new Date(at + 8 * 3_600_000).toISOString().slice(0, 16).replace('T', ' '), peak - 2 * hour))
    await page.keyboard.press('Enter')
    await page
      .getByLabel('结束时间')
      .fill(await page.evaluate((at) => new Date(at + 8 * 3_600_000).toISOString().slice(0, 16).replace('T', ' '), peak + 2 * hour))
    await page.keyboard.press('Enter')
    await until('minutes are drawn', async () => (await said('.foot')).includes('取自 1 分汇总'))
    await page.locator('.line .chart').focus()
    for (const _ of [2, 1, 0.5]) await page.keyboard.press('+')
    await until('each reading is drawn', async () => (await said('.foot')).includes('逐条读数'))
    expect(Math.max(...(await drawn(`${points[0]} mean`)).map(([, value]) => value ?? 0))).toBe(0.9)
  })

  it('says which of two leads, and shows its days by the hour, its distribution and its duration', async () => {
    await page.goto(desk(`${own(end - 3 * day, end)}&panel=correlation`))
    await until('it is worked out', async () => /前者先行 20 分/.test(await said('.study .said')))
    for (const [tab, says] of [
      ['日 × 时', /每小时均值 0\.\d+ 至 0\.\d+ MPa/],
      ['分布', /P5 .* P50 .* P95 .*按 864 条原始读数精确计算/s],
      ['历时曲线', /P5 .* P50 .* P95/],
    ] as const) {
      await page.getByRole('tab', { name: tab }).click()
      await page.locator('#history-body canvas').waitFor()
      await until(`${tab} says it`, async () => says.test(await said('.study .said')))
    }
  })
})

describe('an export from the page', () => {
  const whole = async (query: string): Promise<Buffer> =>
    Buffer.from(await (await fetch(`${address}/api/v1/export?points=${points}&${span}&${query}`)).arrayBuffer())
  const open = async (): Promise<void> => {
    await page.goto(desk(own(begin + 2 * day, end)))
    await page.locator('.export .opener').click()
    await page.getByRole('button', { name: '逐条读数' }).click()
    await until('it is counted', async () => (await said('.export .rows')) === '8064 行')
  }
  /** A file of the page's own in place of the one that a user picks: a browser without a window has no dialogue. */
  const pickOwnFile = () =>
    page.addInitScript(() => {
      Object.assign(window, {
        showSaveFilePicker: async () => (await navigator.storage.getDirectory()).getFileHandle('export', { create: true }),
      })
    })
  const written = async (): Promise<Buffer> =>
    Buffer.from(
      await page.evaluate(async () => {
        const file = await (await (await navigator.storage.getDirectory()).getFileHandle('export')).getFile()
        const bytes = new Uint8Array(await file.arrayBuffer())
        return btoa(Array.from(bytes, (b) => String.fromCharCode(b)).join(''))
      }),
      'base64',
    )

  it('is a download of its own name where no file can be picked, with the bytes of the interface', async () => {
    await page.addInitScript(() => void delete (window as { showSaveFilePicker?: unknown }).showSaveFilePicker)
    await open()
    const [download] = await Promise.all([page.waitForEvent('download'), page.locator('.export .acts .main').click()])
    expect(download.suggestedFilename()).toMatch(/^yiping-raw-\d{8}T\d{4}-\d{8}T\d{4}\.csv$/)
    const stream = await download.createReadStream()
    const chunks: Buffer[] = []
    for await (const chunk of stream) chunks.push(chunk as Buffer)
    expect(Buffer.concat(chunks).equals(await whole('bucket=raw'))).toBe(true)
    await until('it is whole', async () => (await said('.export')).includes('8064 行'))
  })

  it('whose line is cut says so, goes on behind the last whole row, and the file is the same as in one piece', async () => {
    await pickOwnFile()
    await open()
    // The line ends in the middle of an answer, at its third piece.
    const cut = (request: IncomingMessage, response: ServerResponse): void => {
      if (!request.url?.includes('/export?')) return
      app.fastify.server.off('request', cut)
      const write = response.write.bind(response) as (chunk: unknown, ...more: unknown[]) => boolean
      let pieces = 0
      response.write = ((chunk: unknown, ...more: unknown[]) => {
        pieces += 1
        if (pieces === 3) setImmediate(() => response.socket?.destroy())
        return write(chunk, ...more)
      }) as typeof response.write
    }
    app.fastify.server.on('request', cut)
    await page.locator('.export .acts .main').click()
    await page.getByRole('alert').waitFor()
    expect(await said('.export [role=alert]')).toBe('与服务器的连接断开')
    expect(await seriousFindings(page)).toEqual([])
    // It is kept while another page is looked at.
    await page.getByRole('link', { name: '报警' }).first().click()
    await page.waitForURL(/alarms/)
    await page.goBack()
    await page.locator('.export .opener', { hasText: '导出中断' }).click()
    await page.getByRole('button', { name: '继续' }).click()
    await page.getByRole('heading', { name: '导出完成' }).waitFor()
    expect(await said('.export .sofar')).toMatch(/^8064 行 · \d\.\d MiB$/)
    expect((await written()).equals(await whole('bucket=raw'))).toBe(true)
  })

  it('as Parquet is written to the file that was picked, and is whole', async () => {
    await pickOwnFile()
    await open()
    await page.getByRole('button', { name: 'Parquet' }).click()
    await page.locator('.export .acts .main').click()
    await page.getByRole('heading', { name: '导出完成' }).waitFor()
    const file = await written()
    expect(file.equals(await whole('bucket=raw&format=parquet'))).toBe(true)
    expect(Number(parquetMetadata(new Uint8Array(file).buffer).num_rows)).toBe(8064)
    await page.getByRole('button', { name: '好' }).click()
    expect(await said('.export h3')).toBe('导出所看的内容')
  })
})

it('leaves no fault behind', () => {
  expect(faults).toEqual([])
})
