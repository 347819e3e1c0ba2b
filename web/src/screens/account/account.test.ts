import { flushPromises, type VueWrapper } from '@vue/test-utils'
import type { AccountAnswer, AuditEntry, MeAnswer } from '@yiping/contract/screen'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import { createFeed, type Feed } from '../../feed/feed.ts'
import { type Me, meKey } from '../../feed/me.ts'
import { districts, registry } from '../../testing/a-city.ts'
import { FakeSocket } from '../../testing/fake-socket.ts'
import { mountApp } from '../../testing/mount-app.ts'
import { administrator, personAs, someone } from '../../testing/people.ts'
import AccountsScreen from '../accounts/AccountsScreen.vue'
import { askedOf, queryOf } from '../audit/address.ts'
import AuditScreen from '../audit/AuditScreen.vue'
import { differences } from '../audit/difference.ts'
import AccountScreen from './AccountScreen.vue'
import { agentText } from './agent.ts'
import { whenText } from './when.ts'

const now = Date.UTC(2026, 10, 23, 2)
const chrome = 'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36'
const session = {
  createdAt: '2026-11-23T08:00:00+08:00',
  seenAt: '2026-11-23T09:58:00+08:00',
  expiresAt: '2026-11-30T08:00:00+08:00',
  address: '10.0.0.7',
  agent: chrome,
}
const token = { id: 5, name: '日报', scopes: ['look', 'export'], createdAt: '2026-11-01T08:00:00+08:00', expiresAt: '2027-01-30T08:00:00+08:00', usedAt: null }
const account: AccountAnswer = {
  ...{ id: 3, username: 'li', name: '李', roles: ['operator'], districts: ['410105'], domains: ['gas'], hasPassword: true, sso: false },
  ...{ createdAt: '2026-11-01T08:00:00+08:00', disabledAt: null, seenAt: '2026-11-23T09:58:00+08:00', sessions: 2, tokens: 0 },
}
const boss: AccountAnswer = {
  ...account,
  id: 1,
  username: 'admin',
  name: '王班长',
  roles: ['administrator'],
  districts: null,
  domains: null,
  seenAt: null,
  sessions: 1,
  tokens: 1,
}
const entry = (n: number, more: Partial<AuditEntry> = {}): AuditEntry => ({
  ...{
    id: String(n),
    at: '2026-11-23T09:41:07+08:00',
    actor: 'admin',
    via: 'session',
    address: '10.0.0.7',
    action: 'account.change',
    target: 'li',
    outcome: 'done',
  },
  ...{ before: { username: 'li', roles: ['operator'], districts: ['410105'] }, after: { username: 'li', roles: ['operator', 'analyst'], districts: null } },
  ...more,
})

let feed: Feed
let socket: FakeSocket
let router: Router
let page: VueWrapper
let me: Me
let sent: [method: string, path: string, body: unknown][]
let refusals: Record<string, { status: number; code: string }>
let answers: Record<string, unknown>
const settle = async (ms = 20): Promise<void> => {
  await vi.advanceTimersByTimeAsync(ms)
  await flushPromises()
}
const open = async (path: string, who: MeAnswer = administrator): Promise<void> => {
  me = someone(who)
  router = createRouter({
    history: createMemoryHistory(),
    routes: [
      { path: '/account', name: 'account', component: AccountScreen },
      { path: '/accounts', name: 'accounts', component: AccountsScreen },
      { path: '/audit', name: 'audit', component: AuditScreen },
      { path: '/:rest(.*)*', component: { template: '<i />' } },
    ],
  })
  await router.push(path)
  page = mountApp(router, feed, { attached: true, provide: { [meKey as symbol]: me } })
  socket.beat(now)
  await settle(300)
  await settle()
}
const button = (text: string, within = '') => {
  const found = page.findAll(`${within} button`).find((b) => b.text() === text)
  if (!found) throw new Error(`no button ${text}`)
  return found
}
const press = async (text: string, within = ''): Promise<void> => {
  const b = button(text, within)
  await (b.attributes('type') === 'submit' ? (b.element as HTMLButtonElement).form?.requestSubmit() : b.trigger('click'))
  await settle()
}
const field = (label: string, within = '') => {
  const found = page.findAll(`${within} label`).find((l) => l.text().startsWith(label))
  if (!found) throw new Error(`no field ${label}`)
  return found.get('input, select')
}
const rows = (within = 'table'): string[] => page.findAll(`${within} > tbody > tr`).map((r) => r.text())

beforeEach(() => {
  vi.useFakeTimers()
  localStorage.clear()
  sent = []
  refusals = {}
  answers = {
    registry,
    districts,
    'auth/sessions': {
      items: [
        { ...session, id: 2, current: false, seenAt: '2026-11-23T09:00:00+08:00', agent: 'curl/8.5.0' },
        { ...session, id: 1, current: true },
      ],
    },
    'auth/tokens': { items: [token] },
    accounts: { items: [account, boss] },
    audit: { items: [entry(1)], nextCursor: null },
  }
  socket = new FakeSocket()
  feed = createFeed(socket, { reload: () => undefined, remember: () => undefined, remembered: () => null })
  vi.stubGlobal('fetch', async (url: string, init?: RequestInit) => {
    const path = url.replace('/api/v1/', '')
    const method = init?.method ?? 'GET'
    if (method !== 'GET') sent.push([method, path, JSON.parse(String(init?.body))])
    const refused = refusals[`${method} ${path.split('?')[0]}`]
    if (refused) return Response.json(refused, { status: refused.status })
    if (method === 'DELETE' || path === 'auth/password') return new Response(null, { status: 204 })
    if (method === 'POST' && path === 'auth/tokens') return Response.json({ ...token, token: 'yp_secret' }, { status: 201 })
    if (method === 'POST' && path.endsWith('/link')) return Response.json({ token: 'one-time', expiresAt: '2026-11-24T10:00:00+08:00' }, { status: 201 })
    if (method === 'POST' && path === 'accounts') {
      answers.accounts = { items: [account, boss, { ...account, id: 9, username: 'zhao', name: '赵' }] }
      return Response.json({ ...account, id: 9 }, { status: 201 })
    }
    if (method === 'PATCH') return Response.json(account)
    if (path.startsWith('audit?')) sent.push([method, path, null])
    return Response.json(answers[path.split('?')[0] ?? ''] ?? { code: 'not_found' }, { status: answers[path.split('?')[0] ?? ''] ? 200 : 404 })
  })
})
afterEach(async () => {
  await settle()
  page?.unmount()
  feed.stop()
  // Modules live as long as the worker: what is kept here would be the next test's.
  localStorage.clear()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe("one's own account", () => {
  it('says who one is, how far one reaches, and where one is signed in, this browser first', async () => {
    await open('/account', personAs('operator', { name: '李', districts: ['410105'], domains: ['gas', 'water'] }))
    expect(page.get('.self').text()).toMatch(
      /李用户名operator角色值班员可以看实时与回放，处置报警，管理屏幕，看数据汇聚区县金水区可处置的专业供水，燃气登录有效至11-24 08:00/,
    )
    expect(rows('.sessions table')).toEqual(['Chrome 141, Linux10.0.0.7现在11-23 08:0011-30 08:00本机', 'curl 8.5.010.0.0.71 时前11-23 08:0011-30 08:00结束'])
    await press('结束', '.sessions')
    expect(sent).toEqual([['DELETE', 'auth/sessions/2', {}]])
  })
  it('takes another password when both are alike and long enough, and says that the present one is wrong', async () => {
    refusals['POST auth/password'] = { status: 401, code: 'password_wrong' }
    await open('/account')
    await field('现在的密码').setValue('old')
    await field('新密码').setValue('short')
    expect(page.get('.self .said').text()).toBe('密码至少要 10 个字符')
    await field('新密码').setValue('long enough now')
    await field('再输一次').setValue('long enough no')
    expect(page.get('.self .said').text()).toBe('两次输入不一样')
    expect(button('保存', '.self').attributes('disabled')).toBeDefined()
    await field('再输一次').setValue('long enough now')
    await press('保存', '.self')
    expect(page.get('.self [role="alert"]').text()).toBe('未能执行：现在的密码不对')
    refusals = {}
    await press('保存', '.self')
    expect(sent.at(-1)).toEqual(['POST', 'auth/password', { current: 'old', next: 'long enough now' }])
    expect(page.get('.self .said').text()).toBe('密码已修改，其他地方的登录已结束')
  })
  it('sets a password where there is none without asking for one', async () => {
    await open('/account', { ...administrator, hasPassword: false })
    expect(page.get('.self form').text()).toMatch(/^设置密码新密码再输一次/)
  })
  it('is linked with single sign-on by its owner, and says what became of it', async () => {
    answers['auth/methods'] = { password: true, sso: { name: '政务统一认证', reachable: true } }
    refusals['POST auth/sso/link'] = { status: 503, code: 'sso_unreachable' }
    await open('/account?error=sso_taken')
    expect(page.get('section[aria-label="政务统一认证"]').text()).toBe('政务统一认证这个身份已关联另一个账号未关联关联')
    await press('关联')
    expect(sent).toEqual([['POST', 'auth/sso/link', {}]])
    expect(page.get('section[aria-label="政务统一认证"]').text()).toContain('未能执行：统一认证现在连不上')
    page.unmount()
    await open('/account', { ...administrator, sso: true })
    expect(page.get('section[aria-label="政务统一认证"]').text()).toBe('政务统一认证已关联，可用它登录')
  })
  it('makes a token of at most what one may, and shows it once', async () => {
    const copied: string[] = []
    vi.stubGlobal('navigator', { ...navigator, clipboard: { writeText: async (text: string) => void copied.push(text) } })
    await open('/account', personAs('analyst'))
    expect(rows('.tokens table')).toEqual(['日报看实时与回放，导出数据未用过11-01 08:002027-01-30 08:00撤销'])
    await press('新建令牌')
    expect(page.findAll('.tokens .choices label').map((l) => l.text())).toEqual(['看实时与回放', '看数据汇聚', '查历史', '导出数据'])
    await field('名称', '.tokens').setValue(' 夜间导出 ')
    await field('导出数据', '.tokens').setValue(true)
    await field('有效期', '.tokens').setValue('0')
    await press('生成')
    expect(sent).toEqual([['POST', 'auth/tokens', { name: '夜间导出', scopes: ['look', 'export'], days: null }]])
    expect((page.get('.once input').element as HTMLInputElement).value).toBe('yp_secret')
    await press('复制')
    expect([copied, page.get('.once [role="status"]').text()]).toEqual([['yp_secret'], '已复制'])
    await press('我已保存')
    expect(page.find('.once').exists()).toBe(false)
  })
  it('asks before it revokes a token', async () => {
    await open('/account')
    await press('撤销')
    expect(sent).toEqual([])
    await press('确定撤销？')
    expect(sent).toEqual([['DELETE', 'auth/tokens/5', {}]])
  })
  it('says why there is no list', async () => {
    refusals['GET auth/tokens'] = { status: 503, code: 'database_unavailable' }
    await open('/account')
    await settle(5000)
    expect(page.get('.tokens .empty').text()).toBe('未能执行：数据库暂时连不上')
  })
  it('knows browsers by what they say, and scripts by their first word', () => {
    const edge = 'Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/141.0.0.0 Safari/537.36 Edg/141.0.0.0'
    const safari = 'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1 Safari/605.1.15'
    expect([chrome, edge, safari, 'python-requests/2.32', ''].map(agentText)).toEqual([
      'Chrome 141, Linux',
      'Edge 141, Windows',
      'Safari 18, macOS',
      'python-requests 2.32',
      '',
    ])
    expect([whenText(null, 'Asia/Shanghai', now), whenText('2025-12-31T16:00:00Z', 'Asia/Shanghai', now, true)]).toEqual(['—', '01-01 00:00:00'])
  })
})

describe('all accounts', () => {
  it('are listed with how far each reaches, and found by any of it', async () => {
    await open('/accounts')
    expect(rows()).toEqual(['李li值班员金水区燃气2 分前20', '王班长本人admin管理员全市全部专业从未登录11'])
    await page.get('.top input').setValue('金水')
    await settle()
    expect([rows().length, router.currentRoute.value.query.q]).toEqual([1, '金水'])
  })
  it('are changed one beside the list, and only what is other is sent', async () => {
    await open('/accounts')
    await page.get('[data-account="3"]').trigger('click')
    await settle()
    expect(page.get('.drawer').text()).toContain('登录方式密码')
    expect(button('保存', '.drawer').attributes('disabled')).toBeDefined()
    await field('分析员', '.drawer').setValue(true)
    await field('全市', '.drawer').setValue()
    await press('保存', '.drawer')
    expect(sent).toEqual([['PATCH', 'accounts/3', { roles: ['operator', 'analyst'], districts: null }]])
    expect(page.get('.top .said').text()).toBe('“李”已保存')
  })
  it('say what is missing before they can be saved', async () => {
    await open('/accounts?account=3')
    await field('值班员', '.drawer').setValue(false)
    expect(page.get('.missing').text()).toBe('至少选一个角色')
    await field('值班员', '.drawer').setValue(true)
    await field('金水区', '.drawer').setValue(false)
    expect(page.get('.missing').text()).toBe('至少选一个区县')
  })
  it('are disabled at the second press, and the refusal for the last administrator is said', async () => {
    refusals['PATCH accounts/3'] = { status: 409, code: 'last_administrator' }
    await open('/accounts?account=3')
    await press('停用')
    expect(sent).toEqual([])
    await press('确定停用？')
    expect(sent).toEqual([['PATCH', 'accounts/3', { disabled: true }]])
    expect(page.get('.top [role="alert"]').text()).toBe('未能执行：至少要留一位可用的管理员')
  })
  it('are not disabled by themselves', async () => {
    await open('/accounts?account=1')
    expect(button('停用', '.drawer').attributes('disabled')).toBeDefined()
    expect(page.get('.deeds').text()).toContain('不能停用自己')
  })
  it('are unlinked from single sign-on where they come in by it', async () => {
    await open('/accounts?account=3')
    expect(page.get('.deeds').text()).not.toContain('解除关联')
    page.unmount()
    answers.accounts = { items: [{ ...account, sso: true }, boss] }
    await open('/accounts?account=3')
    await press('解除关联')
    expect(sent).toEqual([['PATCH', 'accounts/3', { sso: false }]])
  })
  it('are signed out everywhere, and let in by a link that is shown once', async () => {
    await open('/accounts?account=3')
    await press('结束登录')
    await press('登录链接')
    expect(sent.map(([method, path]) => `${method} ${path}`)).toEqual(['DELETE accounts/3/sessions', 'POST accounts/3/link'])
    expect((page.get('.once input').element as HTMLInputElement).value).toMatch(/^http.*\/sign-in#one-time$/)
    expect(page.get('.once').text()).toContain('只显示这一次，11-24 10:00 前有效')
    await page.get('[data-account="1"]').trigger('click')
    await settle()
    expect(page.find('.once').exists()).toBe(false)
  })
  it('come up new by a form, and with the link that they need when they have no password', async () => {
    await open('/accounts')
    await press('新建账号')
    expect(document.activeElement?.closest('label')?.textContent).toContain('用户名')
    await field('用户名', '.detail').setValue('赵')
    expect(page.get('.missing').text()).toContain('只能有字母')
    await field('用户名', '.detail').setValue('zhao')
    await field('姓名', '.detail').setValue('赵')
    await press('新建', '.detail')
    expect(sent.map(([method, path, body]) => [method, path, body])).toEqual([
      ['POST', 'accounts', { username: 'zhao', name: '赵', roles: ['operator'], districts: null, domains: null }],
      ['POST', 'accounts/9/link', {}],
    ])
    expect([router.currentRoute.value.query.account, page.get('.drawer h2').text(), page.find('.once').exists()]).toEqual(['9', '赵zhao', true])
  })
  it('keep what was typed when the username is taken', async () => {
    refusals['POST accounts'] = { status: 409, code: 'username_taken' }
    await open('/accounts?account=new')
    await field('用户名', '.detail').setValue('li')
    await field('姓名', '.detail').setValue('黎')
    await press('新建', '.detail')
    expect(page.get('.top [role="alert"]').text()).toBe('未能执行：用户名已有人用')
    expect((field('用户名', '.detail').element as HTMLInputElement).value).toBe('li')
  })
})

describe('the audit log', () => {
  const list = '.sheet > table'
  it('says who did what to whom, from where, and what it changed', async () => {
    answers.audit = {
      items: [
        entry(9, {
          actor: 'nobody',
          via: 'nobody',
          action: 'session.login',
          target: 'li',
          outcome: 'login_refused',
          before: null,
          after: { username: 'li', password: '…' },
        }),
        entry(8, {
          via: 'token',
          action: 'alarm.take-out',
          target: 'a1',
          before: { state: 'unacked_active' },
          after: { state: 'out_of_service', note: '检修' },
        }),
        entry(7, { action: 'fire.drill', outcome: 'too_late', before: null, after: null, address: null }),
        entry(6),
      ],
      nextCursor: null,
    }
    await open('/audit')
    expect(rows(list)).toEqual([
      '11-23 09:41:07未登录者登录li未成：用户名或密码不对10.0.0.7',
      '11-23 09:41:07王班长令牌报警停用a1状态 未确认 → 停用 · 备注 检修完成10.0.0.7',
      '11-23 09:41:07王班长fire.drillli未成：too_late—',
      '11-23 09:41:07王班长修改账号li角色 值班员 → 值班员，分析员 · 区县 金水区 → 全市完成10.0.0.7',
    ])
    await page.findAll('td.wide button').at(-1)?.trigger('click')
    expect(page.findAll('.more tbody tr').map((r) => r.findAll('th, td').map((c) => c.text()))).toEqual([
      ['角色', '值班员', '值班员，分析员'],
      ['区县', '金水区', '全市'],
    ])
    expect(page.get('.more p').text()).toBe('另有 1 项未变')
  })
  it('is asked by what the address says, and says so in the address', async () => {
    await open('/audit?actor=li&action=alarm&q=a1&from=2026-11-20&to=2026-11-21')
    expect(sent.at(-1)?.[1]).toBe(`audit?from=${Date.UTC(2026, 10, 19, 16)}&to=${Date.UTC(2026, 10, 21, 16)}&actor=li&action=alarm&q=a1&limit=100`)
    await page.get('.top select').setValue('session')
    await settle()
    expect(router.currentRoute.value.query).toEqual({ actor: 'li', action: 'session', q: 'a1', from: '2026-11-20', to: '2026-11-21' })
    expect([queryOf(askedOf({})), askedOf({ days: '30', from: 'x', q: ['a'] })]).toEqual([{}, { days: 30, from: '', to: '', actor: '', action: '', q: '' }])
  })
  it('goes on to older ones', async () => {
    answers.audit = { items: [entry(9)], nextCursor: 'older' }
    await open('/audit')
    expect(page.get('.end').text()).toContain('最新 1 条')
    answers.audit = { items: [entry(3)], nextCursor: null }
    await press('更早的记录')
    expect([rows(list).length, sent.at(-1)?.[1].endsWith('&cursor=older'), page.get('.end').text()]).toEqual([2, true, '2 条重新读取'])
  })
  it('says that there is nothing, that nothing fits, and that it could not be read', async () => {
    answers.audit = { items: [], nextCursor: null }
    await open('/audit')
    expect(page.get('.nothing').text()).toBe('这段时间没有记录')
    await router.replace('/audit?q=x')
    await settle(300)
    await settle()
    expect(page.get('.nothing').text()).toBe('没有这样的记录清除条件')
    refusals['GET audit'] = { status: 403, code: 'forbidden' }
    await router.replace('/audit?q=y')
    await settle(300)
    await settle(2000)
    expect(page.get('.nothing').text()).toBe('未能执行：没有这项权限')
  })
  it('tells a difference field by field: what is not spoken of stayed', () => {
    expect(differences({ a: 1, b: { c: [1], d: 2 } }, { b: { c: [2], d: 2 }, e: null })).toEqual({
      changed: [
        { field: 'b.c', before: [1], after: [2] },
        { field: 'e', before: undefined, after: null },
      ],
      same: 2,
    })
    expect(differences(null, null)).toEqual({ changed: [], same: 0 })
    expect(differences({ a: 1 }, null).changed).toEqual([{ field: 'a', before: 1, after: undefined }])
  })
})

describe('what somebody may not do', () => {
  const links = (): string[] => page.findAll('nav a').map((a) => a.text())
  it('is not among the pages that they are offered', async () => {
    await open('/account', personAs('analyst'))
    expect(links()).toEqual(['总览', '供水', '燃气', '供热', '排水', '报警', '历史', '数据汇聚'])
    await page.get('.who').trigger('click')
    expect(page.get('.account .panel').text()).toMatch(/王班长analyst分析员我的账号语言中文English配色静色展厅退出登录$/)
  })
  it('is, for an administrator, everything', async () => {
    await open('/account')
    await page.get('.who').trigger('click')
    expect(page.findAll('.panel nav a').map((a) => a.text())).toEqual(['我的账号', '账号', '审计'])
    await page.get('.panel').trigger('keydown', { key: 'Escape' })
    expect([page.find('.panel').exists(), document.activeElement?.className]).toEqual([false, 'who'])
  })
  it('leaves the language and the colours to everybody', async () => {
    await open('/account?lang=zh-CN', personAs('operator'))
    await page.get('.who').trigger('click')
    await press('English', '.panel')
    expect([router.currentRoute.value.query, page.get('.self').text().includes('Change password')]).toEqual([{}, true])
  })
})
