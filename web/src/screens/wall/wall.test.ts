import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { createFeed, type Feed } from '../../feed/feed.ts'
import { alarm, alarmSummary, cells, districts, none, registry, start } from '../../testing/a-city.ts'
import { FakeSocket } from '../../testing/fake-socket.ts'
import { LaidOut } from '../../testing/laid-out.ts'
import { mountApp } from '../../testing/mount-app.ts'
import WallScreen from './WallScreen.vue'

let feed: Feed
let socket: FakeSocket
const open = async (path = '/', answer: (url: string) => Response = (url) => Response.json(url.includes('districts') ? districts : registry)) => {
  vi.stubGlobal('fetch', async (url: string) => answer(url))
  const router = createRouter({
    history: createMemoryHistory(),
    routes: [
      { path: '/', component: WallScreen },
      { path: '/:domain', component: { template: '<i />' } },
    ],
  })
  await router.push(path)
  const page = mountApp(router, feed)
  await vi.advanceTimersByTimeAsync(20)
  await flushPromises()
  return page
}
const paint = async (): Promise<void> => {
  await vi.advanceTimersByTimeAsync(600)
  await flushPromises()
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('ResizeObserver', LaidOut)
  socket = new FakeSocket()
  feed = createFeed(socket, { reload: () => undefined, remember: () => undefined, remembered: () => null })
})
afterEach(() => {
  feed.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('the wall', () => {
  it('comes up with nothing but a page, and says that it is connecting', async () => {
    const page = await open('/', () => new Response('{"code":"database_unavailable"}', { status: 503 }))
    expect(page.get('.say').text()).toContain('正在连接')
    expect(page.findAll('.panel')).toHaveLength(4)
  })
  it('shows the city of a snapshot, and moves one figure when one cell moves', async () => {
    const page = await open()
    socket.beat(start)
    socket.snapshot('overview', 1, cells())
    socket.snapshot('alarm-summary', 1, { summary: alarmSummary() })
    await paint()
    expect(page.get('.say').text()).toBe('城市运行平稳，1 条报警金水区 管网压力过低 0.148 MPa')
    expect(page.get('.alarms .row').text()).toMatch(/文化路 1#管网压力过低 < 0.16待核实0.148 MPa未确认/)
    expect(page.get('.counts').text()).toContain('报警，未确认 1')
    expect(page.find('.takeover').exists()).toBe(false)
    expect(page.get('.truth').text()).toContain('收 12 = 存 10 + 重 1 + 冲突 0 + 拒 1 + 待 0')
    const figures = () => page.findAll('.kpi .value .fig').map((f) => f.text())
    const before = figures()
    socket.delta('overview', 2, { 'kpi:ws.low_pressure': { value: 7, asOf: start, coverage: { fresh: 6, expected: 6 }, numerator: 7, denominator: 6 } })
    await paint()
    const moved = figures().filter((f, i) => f !== before[i])
    expect(moved).toEqual(['7'])
  })
  it.each([
    ['zh-CN', '账目不平3 分钟 差 +12', '暂存已满，消息留在代理'],
    ['en', 'Balance is open3 min, off by +12', 'spool full: messages stay at the broker'],
  ] as const)('shows red by how much the account does not close, and warns of a full spool (%s)', async (language, off, full) => {
    const page = await open(`/?lang=${language}`)
    const truth = cells().truth as object
    socket.beat(start)
    socket.snapshot('overview', 1, cells())
    socket.snapshot('alarm-summary', 1, { summary: alarmSummary() })
    await paint()
    expect(page.find('.truth .broken').exists()).toBe(false)
    expect(page.get('.truth').text()).not.toContain(full)
    const balance = { received: 24, stored: 10, duplicate: 1, conflict: 0, rejected: 1, waiting: 0 }
    const troubled = {
      ...truth,
      balance,
      balanceCloses: false,
      balanceOpen: { minutes: 3, difference: 12 },
      spoolFull: true,
      spoolDepth: 12_345,
      spoolBytes: 48_000_000,
    }
    socket.delta('overview', 2, { truth: troubled })
    await paint()
    expect(page.get('.truth .broken').text()).toContain(off)
    expect(page.get('.truth .broken').text()).toMatch(/24 ≠ \S+ 10 \+/)
    expect(page.get('.truth .off').text()).toContain(full)
    expect(page.get('.truth .off').text()).toContain('48 MB')
    page.unmount()
  })
  it('does not show a moment that nobody watched for alarms as one without alarms', async () => {
    const page = await open()
    socket.beat(start)
    socket.snapshot('overview', 1, cells())
    socket.snapshot('alarm-summary', 1, { summary: { ...alarmSummary(), open: none, unacked: none, domains: {}, worst: [], known: false } })
    await paint()
    expect(page.get('.alarms .nothing').text()).toBe('当时报警引擎未运行：只有读数，有无报警不明')
    expect(page.get('.say').text()).toContain('有无报警不明')
    expect(page.get('.say').text()).not.toContain('无报警，')
    expect(page.get('.counts').text()).not.toMatch(/\d/)
    page.unmount()
  })
  it('spans a band across the top when the link is cut, with the age, and takes it away again', async () => {
    const page = await open()
    socket.beat(start)
    socket.snapshot('overview', 1, cells())
    socket.snapshot('alarm-summary', 1, { summary: alarmSummary() })
    await paint()
    expect(page.find('.cut').exists()).toBe(false)
    await vi.advanceTimersByTimeAsync(12_000)
    expect(page.get('.cut').text()).toContain('连接中断')
    expect(page.get('.cut').text()).toContain('数字停在 08:42:16')
    expect(page.get('.cut .fig').text()).toMatch(/^00:1[12]$/)
    socket.beat(start + 13_000)
    await paint()
    expect(page.find('.cut').exists()).toBe(false)
  })
  it('tells the time of the city that the registry names', async () => {
    const page = await open('/', (url) => Response.json(url.includes('districts') ? districts : { ...registry, zone: 'Europe/Berlin' }))
    socket.beat(start)
    await paint()
    expect(page.get('header time').text()).toBe('01:42:16')
  })
  it('asks for stations and districts again, once, when the server names another registry', async () => {
    const asked: string[] = []
    const page = await open('/', (url) => {
      asked.push(url)
      return Response.json(url.includes('districts') ? districts : { ...registry, version: asked.length > 2 ? '2' : '1' })
    })
    socket.beat(start)
    socket.snapshot('overview', 1, { ...cells(), registry: { version: '1' } })
    await paint()
    expect(asked).toHaveLength(2)
    socket.delta('overview', 2, { registry: { version: '2' } })
    await paint()
    expect(asked.slice(2).sort()).toEqual(['/api/v1/districts', '/api/v1/registry'])
    socket.delta('overview', 3, { registry: { version: '3' } })
    await paint()
    await paint()
    // The answer lags behind the cell: told again it asks again, but never in a circle.
    expect(asked).toHaveLength(6)
    page.unmount()
  })
  it('dims a value that ages and takes the number away in the end, without a new frame', async () => {
    const page = await open()
    socket.beat(start)
    socket.snapshot('overview', 1, cells())
    socket.snapshot('alarm-summary', 1, { summary: alarmSummary() })
    await paint()
    const low = () => page.findAll('.kpi')[2]
    expect(low()?.classes()).toContain('fresh')
    socket.beat(start + 15 * 60_000)
    await paint()
    await paint()
    expect(low()?.classes()).toContain('late')
    socket.beat(start + 10 * 3_600_000)
    await paint()
    await paint()
    expect(low()?.classes()).toContain('stale')
    expect(low()?.get('.value .fig').text()).toBe('—')
    expect(low()?.get('.below').text()).toBe('10 时前')
  })
  it('gives the map to a red alarm until somebody has acknowledged it', async () => {
    const page = await open()
    const red = { ...alarmSummary(), open: { ...none, 1: 3 }, unacked: { ...none, 1: 2 }, worst: [alarm(1)] }
    socket.beat(start)
    socket.snapshot('overview', 1, cells())
    socket.snapshot('alarm-summary', 1, { summary: red })
    await paint()
    expect(page.get('.takeover').text()).toContain('红色报警，尚无人确认')
    expect(page.get('.takeover').text()).toContain('金水区 · 文化路 1#')
    expect(page.get('.takeover').text()).toContain('始于 08:38:35')
    expect(page.get('.takeover').text()).toMatch(/0[34]:[0-9]{2}/)
    expect(page.get('.takeover').text()).toContain('另有 1 条同级未确认')
    expect(page.get('.takeover').text()).toContain('声音关')
    expect(page.find('.say').exists()).toBe(false)
    // One that has returned waits as well, but its time stands still.
    const { activeAt } = alarm(1)
    socket.delta('alarm-summary', 2, { summary: { ...red, worst: [{ ...alarm(1), state: 'returned_unacked', returnedAt: activeAt + 83_000 }] } })
    for (const at of [start, start + 3_600_000]) {
      socket.beat(at)
      await paint()
      expect(page.get('.takeover').text()).toContain('08:39:58 已恢复，历时01:23')
      expect(page.get('.alarms .row').text()).toMatch(/01:23.*已恢复/)
    }
    socket.delta('alarm-summary', 3, { summary: { ...red, unacked: none, worst: [{ ...alarm(1), state: 'acked_active', ackAt: start, ackBy: '王' }] } })
    await paint()
    expect(page.find('.takeover').exists()).toBe(false)
    expect(page.find('.say').exists()).toBe(true)
    expect(page.get('.alarms .row').text()).toContain('王')
    page.unmount()
  })
})
