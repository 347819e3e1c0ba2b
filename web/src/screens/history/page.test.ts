import { flushPromises, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import { createFeed, type Feed } from '../../feed/feed.ts'
import { districts, registry, start } from '../../testing/a-city.ts'
import { FakeSocket } from '../../testing/fake-socket.ts'
import { LaidOut } from '../../testing/laid-out.ts'
import { mountApp } from '../../testing/mount-app.ts'
import HistoryScreen from './HistoryScreen.vue'

const [minute, hour, day] = [60_000, 3_600_000, 86_400_000]
let feed: Feed
let socket: FakeSocket
let router: Router
let page: VueWrapper
const asked: string[] = []
const query = (url: string): URLSearchParams => new URLSearchParams(url.split('?')[1])
const series = (): URLSearchParams[] => asked.filter((u) => u.includes('/series?') && !u.includes('percentiles=')).map(query)
const width = (q: URLSearchParams | undefined): number => Number(q?.get('to')) - Number(q?.get('from'))
let problem: { status: number; code: string; detail?: string } | null
let rows: number | null
let pendingHours: number
let percentiles: { readings: number; values: { percent: number; value: number }[] } | null
/** Readings of every point: `value` of the hour before `to`, none before. */
let readings: (at: number, point: string) => number | null

const settle = async (): Promise<void> => {
  await vi.advanceTimersByTimeAsync(600)
  await flushPromises()
}
const answer = (url: string): Response => {
  if (url.includes('registry')) return Response.json(registry)
  if (url.includes('districts')) return Response.json(districts)
  if (url.includes('/export/count')) return rows === null ? Response.json({ code: 'not_found' }, { status: 404 }) : Response.json({ rows })
  if (url.includes('/alarms')) return Response.json({ items: [], total: 0, nextCursor: null })
  if (url.includes('/export/some-id')) return Response.json({ rows, cursor: null, state: 'complete', failure: null })
  if (url.includes('/export?'))
    return problem ? Response.json(problem, { status: problem.status }) : new Response('PAR1', { headers: { 'x-export': 'some-id' } })
  if (!url.includes('/series')) return Response.json({ code: 'not_found' }, { status: 404 })
  if (problem) return Response.json(problem, { status: problem.status })
  const q = query(url)
  const [from, to] = [Number(q.get('from')), Number(q.get('to'))]
  const bucketMs = Math.max(5 * minute, Math.ceil((to - from) / Number(q.get('maxPoints')) / minute) * minute)
  const columns = (name: string, start: number, end: number) => {
    const t: number[] = []
    const avg: number[] = []
    for (let at = Math.ceil(start / bucketMs) * bucketMs; at < end; at += bucketMs) {
      const value = readings(at, name)
      if (value === null) continue
      t.push(at)
      avg.push(value)
    }
    return { t, avg, min: avg.map((v) => v - 0.01), max: avg.map((v) => v + 0.01), count: avg.map(() => bucketMs / (5 * minute)) }
  }
  const earlier = { P1D: day, P7D: 7 * day, P1Y: 365 * day }[String(q.get('compare'))]
  const iso = (at: number): string => new Date(at).toISOString()
  const lines = String(q.get('points'))
    .split(',')
    .map((name) => {
      const [station, metric] = name.split(':')
      return {
        station,
        metric,
        unit: 'MPa',
        ...columns(name, from, to),
        ...(earlier !== undefined && { compare: { from: iso(from - earlier), to: iso(to - earlier), ...columns(name, from - earlier, to - earlier) } }),
        corrections: [],
        ...(percentiles && q.has('percentiles') && { percentiles }),
        ...(metric === 'ws.volume' && { counted: columns(name, from, to).t.map(() => 2) }),
        ...(metric === 'ws.pump_state' && { timeInState: { t: [from], states: [{ state: 1, ms: [(to - from) / 4] }], unknownMs: [(to - from) * 0.75] } }),
      }
    })
  return Response.json({ from: iso(from), to: iso(to), tier: '15m', bucketSeconds: bucketMs / 1000, pendingHours, series: lines })
}
const open = async (path: string): Promise<void> => {
  vi.stubGlobal('fetch', async (url: string) => {
    asked.push(url)
    return answer(url)
  })
  router = createRouter({
    history: createMemoryHistory(),
    routes: [
      { path: '/', component: { template: '<i />' } },
      { path: '/history', name: 'history', component: HistoryScreen },
      { path: '/:other', component: { template: '<i />' } },
    ],
  })
  await router.push(path)
  page = mountApp(router, feed, { attached: true })
  await settle()
  socket.beat(start)
  await settle()
  await settle()
}
const at = () => router.currentRoute.value.query
const text = (selector: string): string => page.get(selector).text()

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('ResizeObserver', LaidOut)
  asked.length = 0
  problem = null
  rows = 1234
  pendingHours = 0
  percentiles = null
  readings = () => 0.3
  socket = new FakeSocket()
  feed = createFeed(socket, { reload: () => undefined, remember: () => undefined, remembered: () => null })
})
afterEach(() => {
  page.unmount()
  feed.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('the analyst’s desk', () => {
  it('shows what a meter counted in place of its register, and for how long a pump ran', async () => {
    readings = (moment) => moment / hour
    await open('/history?points=WS-P-0001:ws.volume,WS-P-0001:ws.pump_state&span=24h')
    const [volume, pump] = page.findAll('tbody tr')
    expect(volume?.find('th').text()).toMatch(/每点用量，合计 [\d,]+\.0 m³/)
    expect(
      volume
        ?.findAll('td')
        .slice(0, 3)
        .map((td) => td.text()),
    ).toEqual(['2.0', '—', '2.0'])
    expect(pump?.find('th').text()).toContain('运行 25.0 %')
    expect(pump?.find('th').text()).toContain('未知 75.0 %')
    expect(asked.some((u) => u.includes('percentiles='))).toBe(false)
  })

  it('says that late readings are still being worked in, asks again, and is quiet when they are', async () => {
    pendingHours = 7
    await open('/history?points=WS-P-0001:ws.pressure&span=24h')
    expect(text('.foot .pending')).toBe('7 小时的迟到数据正在汇算')
    const before = series().length
    pendingHours = 0
    await vi.advanceTimersByTimeAsync(10_000)
    await settle()
    expect(series().length).toBe(before + 1)
    expect(page.find('.foot .pending').exists()).toBe(false)
    await vi.advanceTimersByTimeAsync(20_000)
    expect(series().length).toBe(before + 1)
  })

  it('comes up as its address says, compares with the week before, and sums up', async () => {
    readings = (moment) => (moment < start - 7 * day ? 0.25 : 0.3)
    await open('/history?points=WS-P-0001:ws.pressure&span=7d&compare=week&panel=calendar')
    const [main] = series()
    expect([main?.get('points'), width(main), main?.get('compare')]).toEqual(['WS-P-0001:ws.pressure', 7 * day, 'P7D'])
    expect(series().filter((q) => q.get('tier') === null)).toHaveLength(1)
    expect(page.findAll('tbody td').map((td) => td.text())).toEqual(['0.290', '0.300', '0.310', 'MPa', '+0.050', expect.stringMatching(/^20/), '100 %'])
    expect(text('tbody th')).toContain('文化路 1#')
    expect(text('.foot')).toMatch(/每点 .*最小–最大.*数据截至 2026-11-23 周一 08:/)
    expect(text('h2 .past')).toMatch(/^上周同刻 2026-11-09 08:\d\d 至 2026-11-16 08:\d\d$/)
    expect(series().some((q) => q.get('tier') === '1h')).toBe(true)
    expect(document.title).toContain('历史')
  })

  it('is filled by the keyboard: search, arrows, Enter, and Backspace takes away', async () => {
    await open('/history')
    expect(text('.line .note')).toContain('选一个或几个测点')
    const field = page.get<HTMLInputElement>('.picker input')
    await field.setValue('金水 流量')
    expect(page.findAll('[role=option]').map((o) => o.text())).toEqual([expect.stringContaining('文化路 1#')])
    await field.setValue('')
    await field.setValue('ws-p')
    await field.trigger('keydown', { key: 'ArrowDown' })
    expect(page.get('[aria-selected=true]').text()).toContain('流量')
    expect(field.attributes('aria-activedescendant')).toBe('picker-1')
    await field.trigger('keydown', { key: 'Enter' })
    await settle()
    expect(at().points).toBe('WS-P-0001:ws.flow')
    await field.trigger('keydown', { key: 'ArrowUp' })
    await field.trigger('keydown', { key: 'Enter' })
    await settle()
    expect(at().points).toBe('WS-P-0001:ws.flow,WS-P-0001:ws.pressure')
    expect(page.findAll('tbody tr')).toHaveLength(2)
    await field.setValue('')
    await field.trigger('keydown', { key: 'Backspace' })
    await settle()
    expect(at().points).toBe('WS-P-0001:ws.flow')
    await page.get('.chosen .look').trigger('keydown', { key: 'Delete' })
    await settle()
    expect(at().points).toBeUndefined()
  })

  it('looks closer by the keyboard, asks once for what is then seen, and goes back', async () => {
    await open('/history?points=WS-P-0001:ws.pressure')
    const before = series().length
    const chart = page.get('.line .chart')
    await chart.trigger('keydown', { key: '+' })
    await chart.trigger('keydown', { key: '+' })
    expect(series().length).toBe(before)
    await settle()
    await settle()
    expect(series().slice(before).map(width)).toEqual([6 * hour])
    expect(String(at().from)).toMatch(/^2026-11-2\dT\d\d:\d\d:\d\d\+08:00$/)
    await page.get('.line .chart').trigger('keydown', { key: '0' })
    await settle()
    expect([at().from, at().span]).toEqual([undefined, '24h'])
    await page.get('[aria-label="起始时间（城市时区）"]').setValue('2026-11-22 00:00')
    await settle()
    expect(at().from).toBe('2026-11-22T00:00:00+08:00')
  })

  it('reads a moment by the arrow keys, in a bucket and between', async () => {
    readings = (moment) => (moment < start - 20 * hour ? 0.25 : 0.3)
    await open('/history?points=WS-P-0001:ws.pressure,WS-P-0001:ws.flow&compare=day&span=1h')
    const chart = page.get('.line .chart')
    await chart.trigger('keydown', { key: 'ArrowLeft' })
    expect(text('.tip')).toMatch(/2026-11-23 周一 08:\d\d 至 08:\d\d/)
    expect(page.findAll('.tip .value').map((v) => v.text())).toEqual(['0.300', '0.3'])
    expect(page.findAll('.tip .past').map((v) => v.text())).toEqual(['昨日 0.250 · 差 +0.050', expect.stringMatching(/^昨日 0\.[23] · 差/)])
    await chart.trigger('keydown', { key: 'Escape' })
    expect(page.find('.tip').exists()).toBe(false)
  })

  it('says exact percentiles of the readings where the server gives them, and else that they are estimated', async () => {
    percentiles = { readings: 1440, values: [5, 50, 95].map((percent) => ({ percent, value: percent / 100 })) }
    await open('/history?points=WS-P-0001:ws.pressure&panel=duration')
    await settle()
    expect(
      asked
        .map(query)
        .find((q) => q.has('percentiles'))
        ?.get('percentiles'),
    ).toBe('5,50,95')
    expect(text('.study .said')).toMatch(/P5 0\.050 · P50 0\.500 · P95 0\.950 MPa.*按 1440 条原始读数精确计算/)
    percentiles = null
    await page.get('[aria-label="起始时间（城市时区）"]').setValue('2026-11-22 00:00')
    await settle()
    await settle()
    expect(text('.study .said')).toMatch(/P5 0\.300 .* MPa.*由图上各时段均值估算/)
  })

  it('says which of two points leads, and by how much', async () => {
    readings = (moment, point) => {
      const i = Math.floor(moment / (5 * minute)) - (point.endsWith('flow') ? 4 : 0)
      return 0.3 + 0.05 * Math.sin(i / 7) + 0.03 * Math.sin(i / 2.3 + 1)
    }
    await open('/history?points=WS-P-0001:ws.pressure,WS-P-0001:ws.flow&panel=correlation')
    expect(text('.study .words')).toMatch(/r = 1.00 · 前者先行 20 分 · \d+ 对/)
  })

  it.each([
    [{ status: 503, code: 'database_unavailable' }, /读取失败（database_unavailable）/],
    [{ status: 404, code: 'point_unknown', detail: 'XX-1:ws.pressure' }, /没有测点 XX-1 ws.pressure/],
  ])('says what went wrong: %o', async (what, said) => {
    problem = what
    await open('/history?points=XX-1:ws.pressure')
    // Whoever is refused asks again, by the test's clock, once the answer's body has been read, which is by the machine's.
    for (let i = 0; i < 100 && !(page.find('.line .note').exists() && said.test(text('.line .note'))); i += 1) {
      await vi.advanceTimersByTimeAsync(500)
      await settle()
    }
    expect(text('.line .note')).toMatch(said)
    await page.get('.line .note button').trigger('click')
  })

  it('says that there is nothing in a span, and how to get back', async () => {
    readings = () => null
    await open('/history?points=WS-P-0001:ws.pressure&from=2020-01-01T00:00:00%2B08:00&to=2020-01-02T00:00:00%2B08:00')
    expect(text('.line .note')).toContain('该时段没有读数')
    expect(page.findAll('tbody td.fig').map((td) => td.text())).toEqual(['—', '—', '—', '0', '0.0 %'])
    await page.get('.line .note button').trigger('click')
    await settle()
    expect(at()).toEqual({ points: 'WS-P-0001:ws.pressure', span: '24h' })
  })

  it.each([
    ['on the clipboard', '已复制'],
    ['in the address bar, where a page has no clipboard', '请复制地址栏'],
  ])('gives a link to what is seen, its span as it stands, %s', async (where, said) => {
    const link: string[] = []
    vi.stubGlobal('navigator', { ...(where.includes('no') ? {} : { clipboard: { writeText: async (text: string) => void link.push(text) } }) })
    await open('/history?points=WS-P-0001:ws.pressure&span=24h&compare=day')
    await page.get('.end > button').trigger('click')
    await settle()
    expect(text('.end > button')).toBe(said)
    const told = new URLSearchParams(where.includes('no') ? router.currentRoute.value.fullPath.split('?')[1] : link[0]?.split('?')[1])
    expect([told.get('compare'), Date.parse(told.get('to') ?? '') - Date.parse(told.get('from') ?? '')]).toEqual(['day', day])
    await vi.advanceTimersByTimeAsync(3000)
    expect(text('.end > button')).toBe('复制链接')
  })

  it('exports what is seen: the same points and span, in a grain and a format, with the count of it', async () => {
    await open('/history?points=WS-P-0001:ws.pressure')
    expect(asked.some((u) => u.includes('/export/count'))).toBe(false)
    await page.get('.export .opener').trigger('click')
    await settle()
    expect(document.activeElement).toBe(page.get('#export-panel').element)
    expect(text('.export .rows')).toBe('1234 行')
    const [question] = asked.filter((u) => u.includes('/export/count')).map(query)
    expect([question?.get('points'), question?.get('bucket'), width(question)]).toEqual(['WS-P-0001:ws.pressure', '15m', day])
    await page
      .findAll('#export-panel .group button')
      .find((b) => b.text() === '逐条读数')
      ?.trigger('click')
    await page
      .findAll('#export-panel .group button')
      .find((b) => b.text() === 'Parquet')
      ?.trigger('click')
    rows = 9
    await settle()
    await settle()
    expect(text('.export .rows')).toBe('9 行')
    vi.stubGlobal('URL', Object.assign(URL, { createObjectURL: () => 'blob:x', revokeObjectURL: () => undefined }))
    vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => undefined)
    await page.get('#export-panel .main').trigger('click')
    await settle()
    const file = query(String(asked.find((u) => u.includes('/export?'))))
    expect([file.get('points'), file.get('bucket'), file.get('format'), width(file)]).toEqual(['WS-P-0001:ws.pressure', 'raw', 'parquet', day])
    expect(text('#export-panel h3')).toBe('导出完成')
    expect(text('#export-panel .sofar')).toBe('9 行 · 0.0 MiB')
    await page.get('.export').trigger('keydown', { key: 'Escape' })
    expect(page.find('#export-panel').exists()).toBe(false)
    expect([text('.export .opener'), document.activeElement]).toEqual(['导出完成', page.get('.export .opener').element])
    await page.get('.export .opener').trigger('click')
    await page.findAll('#export-panel .acts button').at(-1)?.trigger('click')
    await settle()
    expect(text('#export-panel h3')).toBe('导出所看的内容')
  })

  it('says what broke an export off, and leaves a download that is too large for the page to the browser', async () => {
    await open('/history?points=WS-P-0001:ws.pressure')
    await page.get('.export .opener').trigger('click')
    await settle()
    problem = { status: 429, code: 'too_many_exports' }
    await page.get('#export-panel .main').trigger('click')
    await settle()
    expect(text('#export-panel [role=alert]')).toBe('同时导出的太多，请稍后再试')
    expect(text('.export .opener')).toBe('导出中断')
    await page.findAll('#export-panel .acts button').at(-1)?.trigger('click')
    rows = 5_000_000
    await page.findAll('#export-panel .group button')[1]?.trigger('click')
    await settle()
    await settle()
    const link = page.get<HTMLAnchorElement>('#export-panel a.main')
    expect([link.attributes('download'), query(String(link.attributes('href'))).get('bucket')]).toEqual(['', '1m'])
    expect(text('#export-panel')).toContain('由浏览器自行下载')
  })
})
