import { flushPromises, type VueWrapper } from '@vue/test-utils'
import type { AlarmRule } from '@yiping/contract/screen'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import { createFeed, type Feed } from '../../feed/feed.ts'
import { FakeSocket } from '../../testing/fake-socket.ts'
import { LaidOut } from '../../testing/laid-out.ts'
import { mountApp } from '../../testing/mount-app.ts'
import AlarmScreen from './AlarmScreen.vue'
import { fieldTime, timeOfField } from './desk-form.ts'
import { draftOf, ruleOfDraft, triable } from './trial.ts'

const now = Date.UTC(2026, 10, 23, 2)
const level = { severity: 3, op: '<', value: 0.2, unit: 'MPa', holdSamples: 2, deadband: 0.01, source: 'GB', evidence: 'M', sourceVerified: false } as const
const rule: AlarmRule = {
  ...{ code: 'ws.pressure.low', version: 3, name: { zh: '管网压力过低', en: 'pressure low' }, domain: 'water', metric: 'ws.pressure', kind: 'limit' },
  ...{ levels: [level, { ...level, severity: 1, value: 0.14 }], onDelayS: 0, offDelayS: 1800, latches: false, season: null },
}
const version = { rule, active: true, since: '2026-11-01T08:00:00+08:00', by: '李', note: null }
const route = {
  ...{ id: 7, name: '值班室', channel: 'webhook', target: 'https://desk.example/alarms', domains: ['water', 'platform'], districts: [], severities: [1, 2] },
  ...{ escalation: 1, active: true, signed: true, pending: 2, lastSentAt: '2026-11-23T09:58:00+08:00', lastError: 'the receiver answered 500' },
}
const shift = { id: 4, person: '王', email: 'wang@city.example', domains: [], from: '2026-11-23T08:00:00+08:00', to: '2026-11-23T16:00:00+08:00', now: true }
const whatIf = {
  ...{ from: '2026-11-16T10:00:00+08:00', to: '2026-11-23T10:00:00+08:00', points: 260, readings: 524_160 },
  ...{ current: { alarms: 312, subjects: 40, activeShare: 0.031 }, proposed: { alarms: 9, subjects: 5, activeShare: 0.02 } },
  subjects: [{ subject: 'WS-1:ws.pressure', current: 60, proposed: 1 }],
}

let feed: Feed
let socket: FakeSocket
let router: Router
let page: VueWrapper
let requests: [method: string, path: string, body: unknown][]
let refusals: Record<string, { status: number; code: string; detail?: string }>
let routes: unknown[]
const settle = async (): Promise<void> => {
  await vi.advanceTimersByTimeAsync(200)
  await flushPromises()
}
const open = async (path: string): Promise<void> => {
  vi.stubGlobal('fetch', async (url: string, init?: RequestInit) => {
    const asked = url.replace('/api/v1/', '')
    const method = init?.method ?? 'GET'
    if (method !== 'GET') requests.push([method, asked, JSON.parse(String(init?.body))])
    const refused = refusals[`${method} ${asked}`]
    if (refused) return Response.json(refused, { status: refused.status })
    if (method === 'PUT' || method === 'DELETE' || asked.endsWith('/test')) return new Response(null, { status: 204 })
    if (asked === 'alarm-rules/what-if') return Response.json(whatIf)
    if (method === 'POST') return Response.json({ id: 8, version: 4 }, { status: 201 })
    if (asked === 'notice-routes') return Response.json({ items: routes })
    if (asked === 'duty-shifts') return Response.json({ items: [shift] })
    if (asked === 'alarm-rules') return Response.json({ items: [version, { ...version, active: false, rule: { ...rule, version: 2 } }] })
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
  page = mountApp(router, feed, { attached: true, charts: true })
  await settle()
  socket.beat(now)
  await settle()
}
const press = async (text: string): Promise<void> => {
  const button = page.findAll('.part button, [role="tab"]').find((b) => b.text() === text)
  if (!button) throw new Error(text)
  await (button.attributes('type') === 'submit' ? (button.element as HTMLButtonElement).form?.requestSubmit() : button.trigger('click'))
  await settle()
}
const field = (label: string) => {
  const found = page.findAll('.part form label').find((l) => l.text().startsWith(label))
  if (!found) throw new Error(label)
  return found.get('input, select')
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('ResizeObserver', LaidOut)
  localStorage.clear()
  requests = []
  refusals = {}
  routes = [route]
  socket = new FakeSocket()
  feed = createFeed(socket, { reload: () => undefined, remember: () => undefined, remembered: () => null })
})
afterEach(() => {
  page?.unmount()
  feed?.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('who is told', () => {
  it('stands in a list that the address opens, with what each lets through and how it fares', async () => {
    await open('/alarms?tab=notices')
    expect(page.get('[role="tab"][aria-selected="true"]').text()).toBe('通知与值班')
    const text = page.get('section[aria-label="通知"] li').text()
    for (const part of ['值班室', '网址推送', 'https://desk.example/alarms', '供水，平台', '上报 1 级后', '待发 2', '11-23 09:58', 'the receiver answered 500'])
      expect(text).toContain(part)
    expect(page.get('section[aria-label="值班表"] li').text()).toMatch(/王当值wang@city.example11-23 08:00 – 11-23 16:00全部专业/)
  })

  it('is added by a form that begins in its first field, and a refusal is said in words', async () => {
    refusals['POST notice-routes'] = { status: 422, code: 'target_invalid', detail: 'x: not a URL' }
    await open('/alarms?tab=notices')
    await press('新增')
    expect(document.activeElement).toBe(field('名称').element)
    await field('名称').setValue('局长')
    await field('地址').setValue('x')
    await press('保存')
    expect(page.get('[role="alert"]').text()).toMatch(/^未能执行：地址不对/)
    refusals = {}
    await field('方式').setValue('email')
    await field('地址').setValue('@duty')
    await page.findAll('.part form input[type="checkbox"]')[0]?.setValue(true)
    await press('保存')
    expect(requests.at(-1)).toEqual([
      'POST',
      'notice-routes',
      { name: '局长', channel: 'email', target: '@duty', domains: [], districts: [], severities: [1], escalation: 0, active: true },
    ])
    expect(page.find('.part form').exists()).toBe(false)
    expect(page.find('[role="alert"]').exists()).toBe(false)
  })

  it('is changed with its secret kept, tried, and removed when that is said twice', async () => {
    await open('/alarms?tab=notices')
    await press('修改')
    await field('名称').setValue('调度室')
    await press('保存')
    const { id: _id, signed: _s, pending: _p, lastSentAt: _l, lastError: _e, ...fields } = route
    expect(requests.at(-1)).toEqual(['PUT', 'notice-routes/7', { ...fields, name: '调度室' }])
    refusals['POST notice-routes/7/test'] = { status: 502, code: 'not_delivered', detail: 'the receiver answered 503' }
    await press('发测试消息')
    expect(page.get('[role="alert"]').text()).toBe('未能执行：对方没有收下 (the receiver answered 503)')
    refusals = {}
    await press('发测试消息')
    expect(page.get('[role="alert"]').text()).toBe('测试消息已送达 值班室')
    await press('删除')
    expect(requests.some(([method]) => method === 'DELETE')).toBe(false)
    await press('确认删除')
    expect(requests.at(-1)).toEqual(['DELETE', 'notice-routes/7', {}])
  })

  it('on duty: the next shift begins where the last ends, by the city’s clock', async () => {
    await open('/alarms?tab=notices')
    const roster = page.get('section[aria-label="值班表"]')
    await roster.get('header button').trigger('click')
    await settle()
    expect((field('开始').element as HTMLInputElement).value).toBe('2026-11-23T16:00')
    await field('姓名').setValue('李')
    await field('邮箱').setValue('li@city.example')
    await press('保存')
    const from = Date.UTC(2026, 10, 23, 8)
    expect(requests.at(-1)).toEqual([
      'POST',
      'duty-shifts',
      { person: '李', email: 'li@city.example', domains: [], from: String(from), to: String(from + 8 * 3_600_000) },
    ])
  })
})

describe('a rule', () => {
  it('is tried on the past and then made active, by whom and why; a change after that has to be tried anew', async () => {
    await open('/alarms?tab=trial')
    await page.get('.trial select').setValue('ws.pressure.low')
    await settle()
    expect(router.currentRoute.value.query).toEqual({ tab: 'trial', rule: 'ws.pressure.low' })
    expect(page.get('.trial').text()).toContain('第 3 版 · 李 于 11-01 08:00 启用')
    await field('触发延时').setValue('300')
    await page.get('input[aria-label="黄 限值"]').setValue('0.18')
    await press('试算')
    const tried = { ...rule, onDelayS: 300, levels: [{ ...level, value: 0.18, source: '本地设定', evidence: 'J' }, rule.levels[1]] }
    expect(requests.at(-1)).toEqual(['POST', 'alarm-rules/what-if', { rule: tried, from: String(now - 7 * 86_400_000), to: String(now) }])
    expect(page.get('.trial .answer').text()).toBe('会响 9 次，现行规则 312 次')
    expect(page.get('.trial ol').text()).toContain('WS-1:ws.pressure601')
    await field('启用原因').setValue('晚高峰抖动')
    await field('触发延时').setValue('600')
    expect(page.find('.trial .answer').exists()).toBe(false)
    await press('启用这一版')
    expect(requests).toHaveLength(1)
    await field('触发延时').setValue('300')
    await press('启用这一版')
    expect(requests.at(-1)).toEqual(['POST', 'alarm-rules', { rule: tried, note: '晚高峰抖动' }])
    expect(page.get('[role="alert"]').text()).toBe('已启用第 4 版')
  })

  it('that somebody else has changed meanwhile, or that is too much to try, is refused in words', async () => {
    refusals['POST alarm-rules/what-if'] = { status: 422, code: 'span_too_large', detail: 'about 9000000 readings, at most 5000000' }
    await open('/alarms?tab=trial&rule=ws.pressure.low&days=90')
    await field('触发延时').setValue('300')
    await press('试算')
    expect(page.get('[role="alert"]').text()).toBe('未能执行：读数太多，请缩短时段 (about 9000000 readings, at most 5000000)')
  })

  it('is read from its form: what is no number makes none, what was not changed keeps its source', () => {
    const draft = draftOf(rule)
    expect(ruleOfDraft(rule, draft, 'here')).toEqual(rule)
    const odd = { ...rule, levels: [{ ...level, deadband: 0.010000000000000002 }] }
    expect([draftOf(odd).levels[0]?.deadband, ruleOfDraft(odd, draftOf(odd), 'here')]).toEqual(['0.01', odd])
    expect(ruleOfDraft(rule, { ...draft, onDelayS: '' }, 'here')).toBeNull()
    expect(ruleOfDraft(rule, { ...draft, offDelayS: '-1' }, 'here')).toBeNull()
    expect(ruleOfDraft(rule, { ...draft, levels: [{ value: '0.2', deadband: '0', holdSamples: '1.5' }] }, 'here')).toBeNull()
    expect(triable([version, { ...version, active: false }, { ...version, rule: { ...rule, kind: 'offline' } }])).toEqual([version])
  })
})

it('a field of date and time is the city’s clock, there and back', () => {
  expect(fieldTime(now, 'Asia/Shanghai')).toBe('2026-11-23T10:00')
  expect(timeOfField('2026-11-23T10:00', 'Asia/Shanghai')).toBe(now)
  expect(timeOfField('', 'Asia/Shanghai')).toBeNull()
})
