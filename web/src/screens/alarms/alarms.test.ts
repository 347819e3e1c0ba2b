import { flushPromises, type VueWrapper } from '@vue/test-utils'
import type { AlarmCell, AlarmHealthAnswer, MeAnswer } from '@yiping/contract/screen'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import { createFeed, type Feed } from '../../feed/feed.ts'
import { meKey } from '../../feed/me.ts'
import { FakeSocket } from '../../testing/fake-socket.ts'
import { LaidOut } from '../../testing/laid-out.ts'
import { mountApp } from '../../testing/mount-app.ts'
import { administrator, personAs, someone } from '../../testing/people.ts'
import AlarmScreen from './AlarmScreen.vue'
import { actionsFor, trendSpan } from './around.ts'
import { healthFigures, priorityShares, rateSteps, tuningParts } from './health.ts'

const now = Date.UTC(2026, 10, 23, 2)
const none = { 1: 0, 2: 0, 3: 0, 4: 0 }
const alarm = (n: number, over: Partial<AlarmCell> = {}): AlarmCell => ({
  ...{ id: `a${n}`, rule: `rule.${n}`, name: { zh: `压力过低 ${n}`, en: 'low' }, kind: 'limit', subject: `WS-${n}:ws.pressure`, domain: 'water' },
  ...{
    district: null,
    station: `WS-${n}`,
    metric: 'ws.pressure',
    severity: 3,
    state: 'unacked_active',
    activeAt: now - n * 1000,
    rangAt: now,
    returnedAt: null,
  },
  ...{ ackAt: null, ackBy: null, value: 0.1, limit: 0.14, source: { op: '<=', text: 'GB', evidence: 'M' }, extreme: 0.1, unit: 'MPa', cause: null },
  ...{ symptoms: 0, members: 0, assignedTo: null, escalation: 0, recurrences: 0, shelvedUntil: null },
  ...over,
})
const summary = (over: object = {}) => ({
  ...{ open: { ...none, 3: 5 }, unacked: none, domains: {}, shelved: 0, suppressed: 0, outOfService: 0, rangIn10Min: 0, flood: false, worst: [] },
  ...over,
})
const room = (alarms: AlarmCell[], over: object = {}): Record<string, unknown> => ({
  summary: summary(over),
  ...Object.fromEntries(alarms.map((a) => [`alarm:${a.id}`, a])),
})

let feed: Feed
let socket: FakeSocket
let router: Router
let page: VueWrapper
let requests: { url: string; body: unknown }[]
const settle = async (): Promise<void> => {
  await vi.advanceTimersByTimeAsync(700)
  await flushPromises()
}
const open = async (
  path: string,
  alarms: AlarmCell[] = [1, 2, 3, 4, 5].map((n) => alarm(n)),
  over: object = {},
  who: MeAnswer = administrator,
): Promise<void> => {
  vi.stubGlobal('fetch', async (url: string, init?: RequestInit) => {
    requests.push({ url, body: typeof init?.body === 'string' ? JSON.parse(init.body) : null })
    if (url.includes('alarms/ack')) return Response.json({ done: ['a1'], refused: [{ id: 'a2', code: 'already_acknowledged' }] })
    if (url.endsWith('/shelve')) return Response.json({ code: 'alarm_closed' }, { status: 409 })
    if (url.includes('/alarms?')) return Response.json({ items: [], total: 0, nextCursor: null })
    return Response.json({ code: 'database_unavailable' }, { status: 503 })
  })
  router = createRouter({
    history: createMemoryHistory(),
    routes: [
      { path: '/alarms', name: 'alarms', component: AlarmScreen },
      { path: '/:rest(.*)*', component: { template: '<i />' } },
    ],
  })
  await router.push(path)
  page = mountApp(router, feed, { attached: true, provide: { [meKey as symbol]: someone(who) } })
  await settle()
  socket.beat(now)
  socket.snapshot('alarms', 1, room(alarms, over))
  await settle()
}
const rows = (): string[] => page.findAll('.table li').map((r) => r.text())

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('ResizeObserver', LaidOut)
  vi.spyOn(HTMLElement.prototype, 'clientHeight', 'get').mockReturnValue(600)
  vi.spyOn(HTMLElement.prototype, 'clientWidth', 'get').mockReturnValue(1400)
  localStorage.clear()
  requests = []
  socket = new FakeSocket()
  feed = createFeed(socket, { reload: () => undefined, remember: () => undefined, remembered: () => null })
})
afterEach(() => {
  page?.unmount()
  feed?.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('the alarm page', () => {
  it('lists worst first, with state, age, limit and its source, and follows the room', async () => {
    await open('/alarms')
    socket.delta('alarms', 2, { 'alarm:a9': alarm(9, { severity: 1, state: 'acked_active', ackAt: now, ackBy: '王' }) })
    await settle()
    expect(rows()[0]).toMatch(/^红已确认.*压力过低 9/)
    expect(rows()[0]).toContain('≤ 0.14 待核实')
    expect(rows()).toHaveLength(6)
    // What an alarm explains does not ring and is not listed: the cause says how much it is.
    socket.delta('alarms', 3, { 'alarm:a1': alarm(1, { symptoms: 40 }), 'alarm:s1': alarm(7, { cause: 'a1', state: 'suppressed' }) })
    await settle()
    expect(rows()).toHaveLength(6)
    expect(rows()[1]).toContain('引起 40 条')
    socket.delta('alarms', 4, {}, ['alarm:a9'])
    await settle()
    expect(rows()[0]).toContain('压力过低 1')
  })
  it('says so calmly when there is none, and that some are hidden', async () => {
    await open('/alarms', [alarm(1, { state: 'shelved' })], { shelved: 1 })
    expect(page.get('.nothing').text()).toContain('当前无报警')
    expect(page.get('.nothing').text()).toContain('另有 1 条被搁置')
  })
  it('writes its filters into the address and comes up as the address says', async () => {
    await open('/alarms?q=%E8%BF%87%E4%BD%8E+3')
    expect(rows()).toHaveLength(1)
    await page.findAll('.severities button')[0]?.trigger('click')
    await settle()
    expect(router.currentRoute.value.query).toEqual({ q: '过低 3', severity: '1' })
    expect(page.get('.nothing').text()).toContain('没有符合条件的报警')
    await page.get('.nothing button').trigger('click')
    await settle()
    expect(rows()).toHaveLength(5)
  })
  it('acknowledges what is selected in the name of who is signed in, and says what was refused', async () => {
    await open('/alarms')
    const button = page.get('.table li [data-index="0"]')
    await button.trigger('keydown', { key: ' ' })
    await page.get('.table li [data-index="1"]').trigger('keydown', { key: ' ' })
    expect(page.get('.end').text()).toContain('已选 2 条')
    await page.get('.end .main').trigger('click')
    await settle()
    expect(requests.find((r) => r.url.includes('ack'))?.body).toEqual({ ids: ['a1', 'a2'] })
    expect(page.get('.end').text()).toContain('已确认 1 条，1 条未能确认')
  })
  it('offers an analyst no action, and what an operator does not act in with the reason why', async () => {
    const one = [alarm(1), alarm(2, { domain: 'gas' })]
    const tabs = (): string[] => page.findAll('[role="tab"]').map((tab) => tab.text())
    await open('/alarms?alarm=a1&tab=notices', one, {}, personAs('analyst'))
    expect([page.find('.table input').exists(), page.findAll('.actions button').length]).toEqual([false, 0])
    expect(tabs()).toEqual(['当前', '历史', '报警质量', '规则试算'])
    page.unmount()
    await open('/alarms?alarm=a1', one, {}, personAs('operator', { domains: ['gas'] }))
    expect(tabs()).toEqual(['当前', '历史', '报警质量', '通知与值班'])
    expect(page.findAll('.actions button').every((b) => b.attributes('disabled') !== undefined)).toBe(true)
    expect(page.get('.drawer .failed').text()).toBe('这是供水的报警，您只处置：燃气')
    await page.get('.table .head input').trigger('change')
    await settle()
    await page.get('.end .main').trigger('click')
    await settle()
    expect(requests.find((r) => r.url.includes('ack'))?.body).toMatchObject({ ids: ['a2'] })
    expect(page.find('.end a').exists()).toBe(false)
  })
  it('drops from the selection what is over', async () => {
    await open('/alarms')
    await page.get('.table .head input').trigger('change')
    expect(page.get('.end').text()).toContain('已选 5 条')
    socket.delta('alarms', 2, {}, ['alarm:a1', 'alarm:a2'])
    await settle()
    expect(page.get('.end').text()).toContain('已选 3 条')
  })
  it('groups a flood by cause, and unfolds', async () => {
    await open('/alarms', [alarm(1, { rule: 'offline.gateway', severity: 2 }), ...[2, 3, 4].map((n) => alarm(n, { cause: 'a1' }))], {
      flood: true,
      rangIn10Min: 27,
    })
    expect(page.get('.flood').text()).toContain('近 10 分钟提示 27 条')
    expect(rows()).toHaveLength(1)
    expect(rows()[0]).toContain('引起 3 条')
    await page.get('.table .group').trigger('click')
    await settle()
    expect(rows()).toHaveLength(5)
  })
  it('opens one beside, by its address; a refusal is said in words', async () => {
    await open('/alarms?alarm=a2')
    expect(page.get('.drawer h2').text()).toContain('压力过低 2')
    const shelve = page.findAll('.actions button').find((b) => b.text() === '搁置')
    await shelve?.trigger('click')
    expect(page.get('.more .main').attributes('disabled')).toBeDefined()
    await page.get('.more input').setValue('检修')
    await page.get('.more').trigger('submit')
    await settle()
    expect(requests.find((r) => r.url.endsWith('alarms/a2/shelve'))?.body).toEqual({ note: '检修', minutes: 60 })
    expect(page.get('.failed').text()).toBe('未能执行：报警已结束')
    await page.get('.drawer .close').trigger('click')
    await settle()
    expect(router.currentRoute.value.query).toEqual({})
  })
  it('asks the server for history by span and filters, and offers the same as a file', async () => {
    await open('/alarms?tab=history&severity=1,2&from=2026-11-20&to=2026-11-21')
    const from = Date.UTC(2026, 10, 19, 16)
    const query = `state=all&severity=1%2C2&from=${from}&to=${from + 2 * 86_400_000}`
    expect(requests.some((r) => r.url === `/api/v1/alarms?${query}&limit=200`)).toBe(true)
    expect(page.get('.end a').attributes('href')).toBe(`/api/v1/alarms/export?${query}`)
    expect(page.get('.nothing').text()).toContain('这段时间没有符合条件的报警')
  })
  it('tells a desk what rings newly, three at once and the rest as a number', async () => {
    await open('/alarms')
    expect(page.findAll('.toast')).toHaveLength(0)
    socket.delta('alarms', 2, Object.fromEntries(Array.from({ length: 30 }, (_, i) => [`alarm:n${i}`, alarm(i, { id: `n${i}` })])))
    await settle()
    expect(page.findAll('.toast')).toHaveLength(3)
    expect(page.get('.toasts .more').text()).toBe('另有 27 条新报警')
    await vi.advanceTimersByTimeAsync(16_000)
    expect(page.findAll('.toast')).toHaveLength(0)
  })
})

describe('alarm health', () => {
  const answer: AlarmHealthAnswer = {
    ...{ from: '', to: '', operators: 2, rang: 200, topTen: [], topTenShare: 0.3, chattering: [], fleeting: 0, stale: [], shelved: 0, suppressed: 0 },
    rate: { perOperator10Min: 0.99, worst10Min: 21, buckets: [] },
    flood: { minutes: 10, share: 0.01, above: 10 },
    priorities: { '1': 1, '2': 20, '3': 29, '4': 150 },
    acknowledged: { count: 3, medianS: 60, p95S: null },
  }
  it('stands against its targets', () => {
    const standing = Object.fromEntries(healthFigures(answer).map((f) => [f.key, f.standing]))
    expect(standing).toEqual({
      ...{ rate: 'met', worst: 'missed', flood: 'met', topTen: 'missed', chattering: 'met', fleeting: 'met', stale: 'met', ackMedian: 'none', ackP95: 'none' },
    })
    expect(priorityShares(answer).map((s) => s.standing)).toEqual(['met', 'missed', 'met', 'none'])
    expect(priorityShares({ ...answer, rang: 0 })[1]?.share).toBeNull()
  })
  it('shows every ten minutes, also those in which nothing rang, and keeps the worst when thinned', () => {
    expect(rateSteps([{ at: 600_000, count: 3 }], 0, 1_800_000)).toEqual([
      [0, 0],
      [600_000, 3],
      [1_200_000, 0],
    ])
    expect(rateSteps([{ at: 600_000, count: 3 }], 0, 2_400_000, 2)).toEqual([
      [0, 3],
      [1_200_000, 0],
    ])
  })
})

it('the time around an alarm has its beginning, its end, and is a day at most', () => {
  const h = 3_600_000
  expect(trendSpan(10 * h, null, 11 * h)).toEqual({ from: 8 * h, to: 11 * h })
  expect(trendSpan(10 * h, 12 * h, 90 * h)).toEqual({ from: 8 * h, to: 13 * h })
  expect(trendSpan(10 * h, null, 90 * h)).toEqual({ from: 8 * h, to: 32 * h })
})
it.each([
  [{ state: 'unacked_active', ackAt: null }, ['ack', 'shelve', 'assign', 'comment', 'take-out']],
  [{ state: 'acked_active', ackAt: 1 }, ['shelve', 'assign', 'comment', 'take-out']],
  [{ state: 'latched', ackAt: 1 }, ['reset', 'shelve', 'assign', 'comment', 'take-out']],
  [{ state: 'shelved', ackAt: null }, ['ack', 'unshelve', 'assign', 'comment', 'take-out']],
  [{ state: 'out_of_service', ackAt: null }, ['ack', 'shelve', 'assign', 'comment', 'put-back']],
  [{ state: 'normal', ackAt: 1 }, ['comment', 'take-out']],
] as const)('%o offers %o', (cell, actions) => {
  expect(actionsFor(cell)).toEqual(actions)
})

describe('a proposal', () => {
  it.each([
    [{ onDelayS: 0, offDelayS: 0, deadbandTimes: 2 }, [{ key: 'deadband', value: 2 }]],
    [
      { onDelayS: 60, offDelayS: 1800, deadbandTimes: 1 },
      [
        { key: 'onDelay', value: 60_000 },
        { key: 'offDelay', value: 1_800_000 },
      ],
    ],
    [{ onDelayS: 0, offDelayS: 0, deadbandTimes: 1 }, []],
  ])('names what is to be another: %o', (proposal, parts) => {
    expect(tuningParts(proposal)).toEqual(parts)
  })
})
