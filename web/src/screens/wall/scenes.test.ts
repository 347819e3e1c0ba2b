import { flushPromises, type VueWrapper } from '@vue/test-utils'
import { defaultSettings, type ScreenCommand } from '@yiping/contract/screen'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import ChartBox from '../../charts/ChartBox.vue'
import { devicePortKey, type DevicePort } from '../../device/device.ts'
import { keepCredential, readCredential } from '../../feed/credential.ts'
import { createFeed, type Feed } from '../../feed/feed.ts'
import { alarm, alarmSummary, cells, districts, none, registry, start } from '../../testing/a-city.ts'
import { FakeSocket } from '../../testing/fake-socket.ts'
import { LaidOut } from '../../testing/laid-out.ts'
import { mountApp } from '../../testing/mount-app.ts'
import DayLine from './DayLine.vue'
import WallScreen from './WallScreen.vue'

let feed: Feed
let socket: FakeSocket
let port: DevicePort
let router: Router
let page: VueWrapper
const sent: [string, ...unknown[]][] = []

const gas = {
  ...alarm(3),
  id: 'g',
  rule: 'gs.ch4',
  name: { zh: '甲烷过高', en: 'CH4 high' },
  domain: 'gas' as const,
  district: '410104',
  station: 'GS-V-0001',
  metric: 'gs.ch4_lel',
}
const row = (metric: string, value: number, severity: 1 | 2 | 3 | 4 | null) => ({
  state: 'online',
  severity,
  values: { [metric]: { value, quality: 'good', observedAt: start, receivedAt: start } },
})

const open = async (path: string): Promise<void> => {
  router = createRouter({
    history: createMemoryHistory(),
    routes: [
      { path: '/', name: 'wall', component: WallScreen },
      { path: '/wall/:scene?', name: 'scene', component: WallScreen },
      { path: '/:rest(.*)*', name: 'nowhere', component: { template: '<i />' } },
    ],
  })
  await router.push(path)
  page = mountApp(router, feed, { provide: { [devicePortKey as symbol]: port } })
  await pass(20)
  socket.beat(start)
  socket.snapshot('overview', 1, cells())
  socket.snapshot('alarm-summary', 1, { summary: alarmSummary() })
  await pass(600)
}
/** Time goes by, with a heartbeat every second. */
const pass = async (ms: number): Promise<void> => {
  for (let left = ms; left > 0; left -= 1000) {
    await vi.advanceTimersByTimeAsync(Math.min(left, 1000))
    if (left >= 1000) socket.beat(start + performance.now())
  }
  await flushPromises()
}
const joined = (): string[] => socket.subscribed.flatMap((s) => s.rooms)
const command = (c: ScreenCommand): boolean => {
  let done = false
  socket.fire('command', c, (answer: { done: boolean }) => {
    done = answer.done
  })
  return done
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('ResizeObserver', LaidOut)
  vi.stubGlobal('fetch', async (url: string) => Response.json(url.includes('districts') ? districts : registry))
  localStorage.clear()
  sent.length = 0
  socket = new FakeSocket()
  port = {
    on: (event, listener) => socket.on(event, listener),
    off: () => undefined,
    emit: (...args: [string, ...unknown[]]) => sent.push(args),
    disconnect: () => socket.disconnect(),
    get connected() {
      return socket.connected
    },
  }
  feed = createFeed(socket, { reload: () => undefined, remember: () => undefined, remembered: () => null })
})
afterEach(() => {
  page.unmount()
  feed.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('reads aloud why nothing is known, anew when the reason is another', async () => {
  await open('/')
  const aloud = (): string => page.get('p.hidden[role=status]').text()
  const blind = cells()
  for (const key of Object.keys(blind))
    if (key.startsWith('domain:')) Object.assign(blind, { [key]: { ...(blind as Record<string, object>)[key], points: { fresh: 0, expected: 100 } } })
  socket.snapshot('overview', 2, blind)
  await pass(600)
  expect(aloud()).toBe('尚无读数')
  feed.connection.travel({ at: start - 3_600_000, speed: 0 })
  await pass(100)
  expect(aloud()).toContain('正在读取那一刻')
  socket.moment(start - 3_600_000, 0)
  await pass(600)
  expect(aloud()).toBe('尚无读数')
})

describe('a scene of one utility', () => {
  it('says how it is, with all of its figures, its alarms and its stations worst first, and of no other', async () => {
    await open('/wall/gas')
    socket.snapshot('alarms', 1, { summary: alarmSummary(), 'alarm:a': alarm(3), 'alarm:g': gas })
    socket.snapshot('domain:gas', 1, { 'row:GS-V-0001': row('gs.ch4_lel', 12, 2) })
    await pass(600)
    expect(page.get('.say').text()).toContain('燃气运行平稳，1 条报警')
    expect(page.findAll('.kpi')).toHaveLength(6)
    expect(page.findAll('.alarms .row').map((r) => r.text())).toEqual([expect.stringMatching(/甲烷过高.*管城回族区 · 航海东路 2#.*未确认/)])
    expect(page.findAll('.trouble .row').map((r) => r.text())).toEqual([expect.stringMatching(/航海东路 2#.*12/)])
    expect(page.get('.counts').text()).toContain('报警，未确认 1')
    expect(document.title).toBe('燃气 – 一屏')
  })
})

it('the chart of a day begins anew at the city’s midnight, with what was drawn as yesterday', async () => {
  const midnight = Date.UTC(2026, 10, 23, 16)
  const day = 86_400_000
  const line = (...t: number[]) => ({ t, mean: t.map(() => 0.3), low: t.map(() => 0.29), high: t.map(() => 0.31), count: t.map(() => 1) })
  const trend = (dayStart: number, today: number[], yesterday: number[]) => ({
    'trend:water': { metric: 'ws.pressure', bucketMs: 300_000, dayStart, today: line(...today), yesterday: line(...yesterday) },
  })
  const drawn = () => {
    const { series } = page.getComponent(DayLine).getComponent(ChartBox).props('option') as unknown as {
      series: { id: string; data: [number, number | null][] }[]
    }
    const xs = (id: string) => (series.find((s) => s.id === id)?.data ?? []).filter(([, y]) => y !== null).map(([x]) => x / 60_000)
    return { today: xs('today'), yesterday: xs('yesterday'), now: xs('now')[0] }
  }
  await open('/wall/water')
  socket.beat(midnight - 30_000)
  socket.delta('overview', 2, trend(midnight - day, [midnight - 600_000], []))
  await pass(600)
  expect(drawn()).toMatchObject({ today: [1430], yesterday: [], now: 1439 })
  socket.beat(midnight + 61_000)
  await pass(600)
  // The new day's cell is not there yet: the old day ends, and no line runs on beyond it.
  expect(drawn()).toMatchObject({ today: [1430], now: 1440 })
  socket.delta('overview', 3, trend(midnight, [midnight], [midnight - 600_000]))
  await pass(600)
  expect(drawn()).toMatchObject({ today: [0], yesterday: [1430], now: 1 })
})

describe('scenes in turn', () => {
  it('come up by themselves, the room of the next joined before, and stop while a red alarm waits', async () => {
    await open('/wall/overview?rotate=10')
    expect(joined()).not.toContain('domain:water')
    await pass(6000)
    expect(joined()).toContain('domain:water')
    expect(router.currentRoute.value.path).toBe('/wall/overview')
    await pass(4000)
    expect(router.currentRoute.value.fullPath).toBe('/wall/water?rotate=10')
    expect(page.findAll('.turn i').map((i) => i.classes('up'))).toEqual([false, true, false, false, false])
    expect(socket.unsubscribed).not.toContain('domain:water')
    const red = { ...alarmSummary(), open: { ...none, 1: 1 }, unacked: { ...none, 1: 1 }, worst: [alarm(1)] }
    socket.delta('alarm-summary', 2, { summary: red })
    await pass(30_000)
    expect(page.get('.takeover').text()).toContain('红色报警，尚无人确认')
    expect(page.get('.turn').text()).toBe('红色报警，轮播暂停')
    expect(router.currentRoute.value.path).toBe('/wall/water')
    socket.delta('alarm-summary', 3, { summary: alarmSummary() })
    await pass(10_600)
    expect(page.find('.takeover').exists()).toBe(false)
    expect(router.currentRoute.value.path).toBe('/wall/gas')
    expect(socket.unsubscribed).toContain('domain:water')
  })
  it('pause, go on and step by keys', async () => {
    await open('/wall/overview?rotate=10')
    const press = async (key: string): Promise<void> => {
      dispatchEvent(new KeyboardEvent('keydown', { key }))
      await pass(100)
    }
    await press(' ')
    await pass(60_000)
    expect([router.currentRoute.value.path, page.get('.turn').text()]).toEqual(['/wall/overview', '已暂停'])
    await press('ArrowLeft')
    expect(router.currentRoute.value.path).toBe('/wall/drainage')
    await press(' ')
    await pass(10_000)
    expect(router.currentRoute.value.path).toBe('/wall/overview')
  })
})

describe('a screen as a device', () => {
  const settings = { ...defaultSettings, theme: 'showroom' as const, language: 'en' as const }
  it('takes its settings from the server, does as it is told, and reports', async () => {
    keepCredential('secret')
    await open('/wall')
    socket.fire('screen', { paired: true, id: 1, name: 'Hall', settings })
    await pass(3000)
    expect(document.documentElement.dataset.theme).toBe('showroom')
    expect(page.get('.say').text()).toContain('The city runs smoothly')
    expect(sent[0]).toEqual([
      'report',
      expect.objectContaining({ shows: expect.any(String), domNodes: expect.any(Number), version: expect.stringMatching(/^\d/) }),
    ])
    expect(command({ kind: 'message', text: 'Pump 3 is out', by: 'Wang', minutes: 1 })).toBe(true)
    expect(command({ kind: 'scene', scene: 'heating', minutes: 2 })).toBe(true)
    await pass(1000)
    expect(page.get('.message').text()).toMatch(/Pump 3 is out.*Wang/)
    expect(router.currentRoute.value.path).toBe('/wall/heating')
    await pass(60_000)
    expect(page.find('.message').exists()).toBe(false)
    await pass(60_000)
    expect(router.currentRoute.value.path).toBe('/wall/overview')
  })
  it('that is not paired any more says so, throws its credential away, and goes on as it was', async () => {
    keepCredential('secret')
    await open('/wall')
    socket.fire('screen', { paired: true, id: 1, name: 'Hall', settings: { ...settings, language: 'zh-CN' } })
    socket.fire('screen', { paired: false })
    await pass(1000)
    expect(readCredential()).toBeNull()
    expect(page.get('.dropped').text()).toContain('配对已被撤销')
    expect(document.documentElement.dataset.theme).toBe('showroom')
    expect(page.get('.say').text()).toContain('城市运行平稳')
    expect(command({ kind: 'reload' })).toBe(true)
  })
})
