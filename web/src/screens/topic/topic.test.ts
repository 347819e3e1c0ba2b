import { flushPromises, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import { createFeed, type Feed } from '../../feed/feed.ts'
import { FakeSocket } from '../../testing/fake-socket.ts'
import { LaidOut } from '../../testing/laid-out.ts'
import { mountApp } from '../../testing/mount-app.ts'
import { tailSpan } from './history.ts'
import TopicScreen from './TopicScreen.vue'

const now = Date.UTC(2026, 10, 23, 2)
const count = 300
const codes = Array.from({ length: count }, (_, i) => `WS-P-${String(i).padStart(4, '0')}`)
const registry = {
  version: '1',
  code: codes,
  name: codes.map((_, i) => `文化路 ${i}# 测压点`),
  kind: codes.map(() => 'ws_pressure'),
  domain: codes.map(() => 'water'),
  district: codes.map((_, i) => (i % 2 ? '410105' : '410104')),
  lon: codes.map(() => 113.6),
  lat: codes.map(() => 34.7),
}
const row = (value: number, severity: number | null) => ({
  state: 'online',
  severity,
  values: { 'ws.pressure': { value, quality: 'good', observedAt: now - 5000, receivedAt: now } },
})

let feed: Feed
let socket: FakeSocket
let router: Router
let page: VueWrapper
const settle = async (): Promise<void> => {
  await vi.advanceTimersByTimeAsync(700)
  await flushPromises()
}
/** An answer's body is read in turns of the machine's own, after which whoever asks again waits by the test's clock: as often as that takes. */
const settled = async (holds: () => boolean): Promise<void> => {
  for (let i = 0; i < 100 && !holds(); i += 1) await settle()
}
const asked: string[] = []
let history: ((query: URLSearchParams) => unknown) | null = null
const open = async (path: string): Promise<void> => {
  vi.stubGlobal('fetch', async (url: string) => {
    asked.push(url)
    if (url.includes('registry')) return Response.json(registry)
    if (url.includes('districts')) return Response.json({ type: 'FeatureCollection', features: [] })
    if (url.includes('stations/WS-P-9999')) return Response.json({ code: 'station_unknown' }, { status: 404 })
    if (history && url.includes('series')) return Response.json(history(new URLSearchParams(url.split('?')[1])))
    return Response.json({ code: 'database_unavailable' }, { status: 503 })
  })
  router = createRouter({
    history: createMemoryHistory(),
    routes: [
      { path: '/', component: { template: '<i />' } },
      { path: '/:domain', component: TopicScreen },
    ],
  })
  await router.push(path)
  page = mountApp(router, feed, { attached: true })
  await settle()
  socket.beat(now)
  socket.snapshot('domain:water', 1, Object.fromEntries(codes.map((code, i) => [`row:${code}`, row(i === 7 ? 0.12 : 0.3, i === 7 ? 2 : null)])))
  await settle()
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('ResizeObserver', LaidOut)
  vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(600)
  vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(400)
  asked.length = 0
  history = null
  socket = new FakeSocket()
  feed = createFeed(socket, { reload: () => undefined, remember: () => undefined, remembered: () => null })
})
afterEach(() => {
  page.unmount()
  feed.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('a topic scene', () => {
  it('lists the worst station first and holds only what is seen in the document', async () => {
    await open('/water')
    const rows = page.findAll('.stations li')
    expect(rows[0]?.text()).toContain('7# 测压点')
    expect(rows.length).toBeGreaterThan(3)
    expect(rows.length).toBeLessThan(60)
    expect(page.get('.stations h2').text()).toContain(`${count} / ${count} 站`)
  })
  it('comes up filtered as its address says, and writes filters into the address', async () => {
    await open('/water?q=29&district=410105')
    expect(page.get('.stations h2').text()).toContain(`8 / ${count} 站`)
    await page.get('input[type=search]').setValue('没有这个站')
    await settle()
    expect(router.currentRoute.value.query).toEqual({ q: '没有这个站', district: '410105' })
    expect(page.get('.nothing').text()).toContain('没有符合条件的站点')
    await page.get('.nothing button').trigger('click')
    await settle()
    expect(router.currentRoute.value.query).toEqual({})
  })
  it('opens a station beside, through the address, and closes it with Esc', async () => {
    await open('/water')
    await page.get('.stations li button').trigger('click')
    await settle()
    expect(router.currentRoute.value.query).toEqual({ station: 'WS-P-0007' })
    expect(page.get('.drawer h2').text()).toBe('文化路 7# 测压点')
    expect(document.activeElement?.textContent).toBe('文化路 7# 测压点')
    expect(socket.subscribed.at(-1)).toEqual({ rooms: ['station:WS-P-0007'] })
    dispatchEvent(new KeyboardEvent('keydown', { key: 'Escape', cancelable: true }))
    await settle()
    expect(router.currentRoute.value.query).toEqual({})
    expect(page.find('.drawer').exists()).toBe(false)
    expect(socket.unsubscribed).toEqual(['station:WS-P-0007'])
  })
  it('asks for whole milliseconds, a day back, and lives without the answer', async () => {
    await open('/water?station=WS-P-0007')
    socket.snapshot('station:WS-P-0007', 1, {
      station: { state: 'online', severity: 2 },
      'point:ws.pressure': { value: 0.12, quality: 'good', observedAt: now - 5000, receivedAt: now },
    })
    const drawer = () => page.get('.drawer').text()
    await settled(() => drawer().includes('database_unavailable'))
    const url = asked.find((u) => u.includes('series')) ?? ''
    expect(url).toMatch(/points=WS-P-0007%3Aws\.\w+&from=\d+&to=\d+&maxPoints=\d+$/)
    expect(page.get('.big').text()).toContain('0.12')
    expect(drawer()).toContain('database_unavailable')
  })
  it.each([
    ['zh-CN', '存疑', '坏', '存疑 3 条，已计入', '坏 1 条，未计入'],
    ['en', 'uncertain', 'bad', 'Uncertain: 3, in the line', 'Bad: 1, not in the line'],
  ] as const)('marks what is not good, in the list, beside the value and below the chart (%s)', async (language, uncertain, bad, lineUncertain, lineBad) => {
    const t = [now - 40 * 60_000, now - 35 * 60_000, now - 30 * 60_000]
    const flat = t.map(() => 0.3)
    const line = { station: 'WS-P-0007', metric: 'ws.pressure', unit: 'MPa', t, min: flat, max: flat, avg: flat, count: t.map(() => 1) }
    history = () => ({
      from: '',
      to: new Date(now).toISOString(),
      tier: '1m',
      bucketSeconds: 300,
      series: [{ ...line, suspect: { t, uncertain: [1, 0, 2], bad: [0, 1, 0] } }],
    })
    await open(`/water?station=WS-P-0007&metric=ws.pressure&q=0007&lang=${language}`)
    const value = (quality: string) => ({ value: 0.12, quality, observedAt: now - 5000, receivedAt: now })
    const shown = async (quality: string, seq: number): Promise<void> => {
      socket.snapshot('domain:water', seq, { 'row:WS-P-0007': { state: 'online', severity: null, values: { 'ws.pressure': value(quality) } } })
      socket.snapshot('station:WS-P-0007', seq, {
        station: { state: 'online', severity: null },
        'point:ws.pressure': value(quality),
        'point:ws.flow': value('good'),
      })
      await settle()
      await settle()
    }
    await shown('uncertain', 2)
    expect(page.get('.stations li .suspect').text()).toBe(uncertain)
    expect(page.get('.stations li .suspect').find('svg.quality-mark').exists()).toBe(true)
    expect(page.get('.big .suspect').text()).toBe(uncertain)
    expect(page.findAll('.drawer .quality.suspect').map((e) => e.text())).toEqual([uncertain])
    expect(page.findAll('.drawer .suspects > span').map((e) => e.text())).toEqual([lineUncertain, lineBad])
    expect(page.find('.big .s2').exists()).toBe(true)
    await shown('bad', 3)
    expect(page.get('.big .suspect').text()).toBe(bad)
    // A bad value proves no limit exceeded.
    expect(page.find('.big .s2').exists()).toBe(false)
    await shown('good', 4)
    expect(page.find('.stations li .suspect').exists()).toBe(false)
    expect(page.find('.drawer .quality.suspect').exists()).toBe(false)
  })
  it.each([
    ['zh-CN', '数值长时间不变', '已订正 2 小时，补到 9 条，最近 09:41', '08:00–09:00 于 09:41 订正，补到 7 条'],
    ['en', 'value has not moved', 'Corrected: 2 h, 9 late readings, last at 09:41', '08:00–09:00 corrected at 09:41, 7 late readings'],
  ] as const)('says in words why a value is uncertain, and which hours late readings have changed (%s)', async (language, why, corrected, each) => {
    const hour = 3_600_000
    const t = [now - 40 * 60_000, now - 35 * 60_000]
    const flat = t.map(() => 0.3)
    const corrections = [
      { hour: now - 3 * hour, at: now - 2 * hour, rows: 2 },
      { hour: now - 2 * hour, at: now - 19 * 60_000, rows: 7 },
    ]
    const line = { station: 'WS-P-0007', metric: 'ws.pressure', unit: 'MPa', t, min: flat, max: flat, avg: flat, count: t.map(() => 1), corrections }
    history = () => ({ from: '', to: new Date(now).toISOString(), tier: '1m', bucketSeconds: 300, series: [line] })
    await open(`/water?station=WS-P-0007&metric=ws.pressure&lang=${language}`)
    const shown = async (seq: number, value: object): Promise<void> => {
      socket.snapshot('station:WS-P-0007', seq, {
        station: { state: 'online', severity: null },
        'point:ws.pressure': { value: 0.3, quality: 'uncertain', observedAt: now - 5000 + seq, receivedAt: now, ...value },
      })
      await settle()
      await settle()
    }
    await shown(2, { mark: 'flat' })
    expect(page.get('.big .why').text()).toBe(why)
    expect(page.get('.drawer li .why').text()).toBe(why)
    expect(page.get('.drawer .corrected').text()).toBe(corrected)
    expect(page.get('.drawer .corrected').attributes('title')).toContain(each)
    await shown(3, {})
    expect(page.find('.drawer .why').exists()).toBe(false)
    await shown(4, { quality: 'good', mark: 'flat' })
    expect(page.find('.drawer .why').exists()).toBe(false)
  })
  it('fetches the end of an open station’s line each minute, and the whole day after a cut', async () => {
    const queries: URLSearchParams[] = []
    const bucketMs = 300_000
    history = (query) => {
      queries.push(query)
      const [from, to] = [Number(query.get('from')), Number(query.get('to'))]
      const t: number[] = []
      for (let at = Math.ceil(from / bucketMs) * bucketMs; at < to; at += bucketMs) t.push(at)
      const flat = t.map(() => 0.3)
      const line = {
        station: 'WS-P-0007',
        metric: String(query.get('points')).split(':')[1],
        unit: 'MPa',
        t,
        min: flat,
        max: flat,
        avg: flat,
        count: t.map(() => 1),
      }
      return { from: new Date(from).toISOString(), to: new Date(to).toISOString(), tier: '1m', bucketSeconds: 300, series: [line] }
    }
    const beat = async (at: number): Promise<void> => {
      socket.beat(at)
      await settle()
      await settle()
    }
    const span = (query: URLSearchParams | undefined): number => (Number(query?.get('to')) - Number(query?.get('from'))) / 60_000
    await open('/water?station=WS-P-0007&metric=ws.pressure')
    await settle()
    expect(queries.map(span)).toEqual([1440])
    await beat(now + 61_000)
    expect(queries.slice(1).map((q) => [span(q), q.get('tier'), q.get('maxPoints')])).toEqual([[50, '1m', '10']])
    expect(Number(queries[1]?.get('to')) % bucketMs).toBe(0)
    socket.drop()
    await vi.advanceTimersByTimeAsync(2000)
    await beat(now + 64_000)
    expect(queries.slice(2).map(span)).toEqual([1440])
  })
  it('asks for the end of a line in the line’s own buckets, and for a long end as a whole', () => {
    const minutes = 60_000
    expect(tailSpan(now, now + minutes, 0)).toEqual({ from: now - minutes, to: now + minutes, points: 480 })
    const hours = tailSpan(now, now + 120 * minutes, 5 * minutes)
    expect(hours && (hours.to - hours.from) / hours.points).toBe(5 * minutes)
    expect(hours && [hours.from < now, hours.to > now + 120 * minutes]).toEqual([true, true])
    expect(tailSpan(now, now + 7 * 60 * minutes, 5 * minutes)).toBeNull()
  })
  it('says so when the address names a station that is not there', async () => {
    await open('/water?station=WS-P-9999')
    await settled(() => page.find('.drawer').exists() && page.get('.drawer').text().includes('没有编号为'))
    expect(page.get('.drawer').text()).toContain('没有编号为 WS-P-9999 的站点')
  })
  it('is walked with the arrow keys', async () => {
    await open('/water')
    const first = page.get<HTMLButtonElement>('.stations li button')
    expect(page.findAll('.stations li button').filter((b) => b.attributes('tabindex') === '0')).toHaveLength(1)
    first.element.focus()
    await first.trigger('keydown', { key: 'ArrowDown' })
    await settle()
    expect(document.activeElement?.getAttribute('data-index')).toBe('1')
  })
})
