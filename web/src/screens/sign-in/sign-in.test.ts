import { flushPromises, type VueWrapper } from '@vue/test-utils'
import type { MeAnswer } from '@yiping/contract/screen'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import { devicePortKey } from '../../device/device.ts'
import { readCredential } from '../../feed/credential.ts'
import { createFeed, type Feed } from '../../feed/feed.ts'
import { createMe, meKey } from '../../feed/me.ts'
import { FakeSocket } from '../../testing/fake-socket.ts'
import { mountApp } from '../../testing/mount-app.ts'
import { administrator, personAs } from '../../testing/people.ts'
import { placeOf } from './next.ts'
import SignInScreen from './SignInScreen.vue'

let me: ReturnType<typeof createMe>
let feed: Feed
let socket: FakeSocket
let page: VueWrapper | undefined
let router: Router
let sent: [path: string, body: unknown][]
/** Who has the session, or the credential; null: nobody. */
let signedIn: MeAnswer | null
let answers: Record<string, () => Response>
const problem = (status: number, code: string, headers: Record<string, string> = {}) => Response.json({ code }, { status, headers })
const settle = async (): Promise<void> => {
  await vi.advanceTimersByTimeAsync(20)
  await flushPromises()
}
const open = async (path: string): Promise<void> => {
  socket.reachable = true
  me = createMe()
  feed = createFeed(socket, { reload: () => undefined, remember: () => undefined, remembered: () => null }, () => void me.check())
  router = createRouter({
    history: createMemoryHistory(),
    routes: [
      { path: '/', name: 'wall', component: { template: '<i class="wall" />' } },
      { path: '/wall/:scene?', name: 'scene', component: { template: '<i class="wall" />' } },
      { path: '/alarms', name: 'alarms', component: { template: '<i class="alarms" />' } },
      { path: '/audit', name: 'audit', meta: { needs: 'audit' }, component: { template: '<i class="audit" />' } },
      { path: '/:rest(.*)', component: { template: '<i />' } },
      { path: '/sign-in', name: 'sign-in', component: SignInScreen },
    ],
  })
  await router.push(path)
  page = mountApp(router, feed, { attached: true, provide: { [meKey as symbol]: me, [devicePortKey as symbol]: { ...portOf(socket) } } })
  await settle()
}
const portOf = (s: FakeSocket) => ({ on: s.on.bind(s), off: () => undefined, emit: () => undefined, disconnect: s.disconnect.bind(s), connected: true })
const fill = async (username: string, password: string): Promise<void> => {
  await page?.get('#door-user').setValue(username)
  await page?.get('#door-password').setValue(password)
  await page?.get('form').trigger('submit')
  await settle()
}
const text = (): string => page?.get('main').text() ?? ''

beforeEach(() => {
  vi.useFakeTimers()
  localStorage.clear()
  sent = []
  signedIn = null
  answers = {}
  socket = new FakeSocket()
  vi.stubGlobal('fetch', async (url: string, init?: RequestInit) => {
    const path = url.replace('/api/v1/', '')
    if (init?.method) sent.push([path, JSON.parse(String(init.body))])
    const given = answers[path]
    if (given) return given()
    if (path === 'auth/methods') return Response.json({ password: true, sso: null })
    if (path === 'auth/me') return signedIn ? Response.json(signedIn) : problem(401, 'signed_out')
    if (path === 'auth/login' || path === 'auth/link') {
      signedIn = administrator
      return Response.json(signedIn)
    }
    return signedIn ? Response.json({ items: [] }) : problem(401, 'signed_out')
  })
})
afterEach(() => {
  page?.unmount()
  page = undefined
  feed.stop()
  me.stop()
  // Modules live as long as the worker: what is kept here would be the next test's.
  localStorage.clear()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('the door', () => {
  it('stands before every page for who is not signed in, asks for nothing else, and opens it after', async () => {
    await open('/alarms?domain=gas')
    expect(router.currentRoute.value.fullPath).toBe('/sign-in?next=/alarms?domain=gas')
    expect([document.title, document.activeElement?.id]).toEqual(['登录 – 一屏', 'door-user'])
    expect(socket.connected).toBe(false)
    await fill(' admin ', 'correct horse')
    expect(sent).toEqual([['auth/login', { username: 'admin', password: 'correct horse' }]])
    expect(router.currentRoute.value.fullPath).toBe('/alarms?domain=gas')
    expect([page?.find('.alarms').exists(), socket.connected]).toEqual([true, true])
  })
  it('is not seen by who is signed in, not even while that is asked', async () => {
    let answer: (r: Response) => void = () => undefined
    const asked = new Promise<Response>((resolve) => (answer = resolve))
    const { fetch } = globalThis
    vi.stubGlobal('fetch', (url: string, init: RequestInit) => (url.endsWith('auth/me') ? asked : fetch(url, init)))
    await open('/alarms')
    expect([page?.find('.door').exists(), page?.find('.alarms').exists()]).toEqual([false, false])
    signedIn = administrator
    answer(Response.json(administrator))
    await settle()
    expect([page?.find('.alarms').exists(), router.currentRoute.value.fullPath]).toEqual([true, '/alarms'])
  })
  it('says what is wrong, in the field that is wrong first', async () => {
    answers['auth/login'] = () => problem(401, 'login_refused')
    await open('/sign-in')
    await fill('', 'x')
    expect([sent, document.activeElement?.id]).toEqual([[], 'door-user'])
    await fill('admin', '')
    expect([sent, document.activeElement?.id]).toEqual([[], 'door-password'])
    await fill('admin', 'wrong')
    expect(page?.get('[role="alert"]').text()).toBe('用户名或密码不对')
    expect([document.activeElement?.id, page?.get('#door-password').attributes('aria-describedby')]).toEqual(['door-password', 'door-said'])
  })
  it('counts the seconds that the server wants to be left alone, and opens again after them', async () => {
    answers['auth/login'] = () => problem(429, 'login_throttled', { 'retry-after': '3' })
    await open('/sign-in')
    await fill('admin', 'wrong')
    expect(page?.get('.failed').text()).toBe('尝试次数过多3 秒后可再试')
    expect(page?.get('button.main').attributes('disabled')).toBeDefined()
    await vi.advanceTimersByTimeAsync(2000)
    expect(page?.get('.failed').text()).toContain('1 秒后可再试')
    await vi.advanceTimersByTimeAsync(1000)
    await flushPromises()
    expect([page?.find('.failed').exists(), page?.get('button.main').attributes('disabled')]).toEqual([false, undefined])
  })
  it('says that the server is away, and takes what is typed as soon as it is back', async () => {
    answers['auth/login'] = () => problem(503, 'not_ready')
    answers['auth/methods'] = answers['auth/login']
    await open('/sign-in')
    expect(text()).toContain('连不上服务器，稍后自动再试')
    await fill('admin', 'secret')
    expect(text()).toContain('服务器正在启动')
    answers = {}
    await page?.get('form').trigger('submit')
    await settle()
    expect(router.currentRoute.value.path).toBe('/')
  })
  it('leads to single sign-on where there is one, and back to the page', async () => {
    answers['auth/methods'] = () => Response.json({ password: false, sso: { name: '政务统一认证', reachable: true } })
    await open('/sign-in?next=/alarms?domain=gas&error=sso_denied')
    expect(page?.find('#door-user').exists()).toBe(false)
    expect(page?.get('[role="alert"]').text()).toBe('登录已在统一认证一侧取消或被拒绝')
    const link = page?.get('a.sso')
    expect([link?.text(), link?.attributes('href')]).toEqual(['用政务统一认证登录', '/api/v1/auth/sso?next=%2Falarms%3Fdomain%3Dgas'])
  })
  it('says that single sign-on is out of reach until it is not', async () => {
    answers['auth/methods'] = () => Response.json({ password: true, sso: { name: '政务统一认证', reachable: false } })
    await open('/sign-in?error=sso_unheard_of')
    expect([page?.get('[role="alert"]').text(), page?.get('.gone').text()]).toEqual([
      '单点登录没有成功（sso_unheard_of）',
      '单点登录现在连不上，可先用密码登录',
    ])
    answers['auth/methods'] = () => Response.json({ password: true, sso: { name: '政务统一认证', reachable: true } })
    await vi.advanceTimersByTimeAsync(10_000)
    await settle()
    expect([page?.find('.gone').exists(), page?.find('a.sso').exists()]).toEqual([false, true])
  })
  it('takes a sign-in link once, and out of the address first', async () => {
    await open(`/sign-in#${'t'.repeat(43)}`)
    expect(sent).toEqual([['auth/link', { token: 't'.repeat(43) }]])
    expect(router.currentRoute.value.fullPath).toBe('/')
  })
  it('says that a link is used, and lets a password in', async () => {
    answers['auth/link'] = () => problem(401, 'link_over')
    await open(`/sign-in?next=/alarms#${'t'.repeat(43)}`)
    expect(router.currentRoute.value.fullPath).toBe('/sign-in?next=/alarms')
    expect(page?.get('[role="alert"]').text()).toContain('已用过或已过期')
    await fill('admin', 'correct horse')
    expect(router.currentRoute.value.path).toBe('/alarms')
  })
  it('goes on to places of this product only', () => {
    expect(['/alarms?a=1', '//evil.example', '/\\evil.example', 'https://evil.example', undefined, '/sign-in?next=/x'].map(placeOf)).toEqual([
      '/alarms?a=1',
      ...['/', '/', '/', '/', '/'],
    ])
  })
})

describe('a session that ends', () => {
  it('brings a desk to the door and back to its place; a cut link does not', async () => {
    signedIn = administrator
    await open('/alarms?domain=gas')
    socket.reachable = false
    socket.drop()
    await vi.advanceTimersByTimeAsync(20_000)
    expect([page?.find('.alarms').exists(), page?.find('.cut').exists()]).toEqual([true, true])
    signedIn = null
    socket.fire('connect_error', new Error('signed_out'))
    await settle()
    expect(router.currentRoute.value.fullPath).toBe('/sign-in?next=/alarms?domain=gas')
    const tried = socket.attempts
    await vi.advanceTimersByTimeAsync(60_000)
    expect(socket.attempts).toBe(tried)
  })
  it('somewhere else is noticed when the window is looked at again', async () => {
    await open('/alarms')
    signedIn = administrator
    document.dispatchEvent(new Event('visibilitychange'))
    await settle()
    expect(router.currentRoute.value.fullPath).toBe('/alarms')
  })
  it('by its own wish leaves nothing behind', async () => {
    signedIn = administrator
    await open('/alarms')
    signedIn = null
    await me.signOut()
    await settle()
    expect(router.currentRoute.value.fullPath).toBe('/sign-in')
    expect([page?.find('.alarms').exists(), socket.connected]).toEqual([false, false])
  })
})

describe('a page that somebody may not open', () => {
  it('says what it takes, who they are and who can give it', async () => {
    signedIn = personAs('operator', { name: '李' })
    await open('/audit')
    await vi.dynamicImportSettled()
    await settle()
    expect(page?.find('.audit').exists()).toBe(false)
    const said = text()
    for (const part of ['这一页需要另外的权限', '查审计记录', '李值班员', '管理员，在“账号”页']) expect(said).toContain(part)
  })
})

describe('a screen that nobody is signed in at', () => {
  const codes = () => {
    answers['screens/pairing'] = () => Response.json({ code: '123456', secret: 's'.repeat(40), expiresAt: '2026-11-23T09:10:00+08:00' })
    answers['screens/pairing/claim'] = () => Response.json({ state: 'waiting' })
  }
  it('is paired from the door', async () => {
    codes()
    await open('/sign-in')
    await page?.get('.screen button').trigger('click')
    await settle()
    expect(page?.get('.code').text()).toBe('123\u2009456')
    answers['screens/pairing/claim'] = () => {
      signedIn = { ...administrator, kind: 'screen', id: 9, username: null, name: '指挥大厅', roles: ['wall'], permissions: ['look'] }
      return Response.json({ state: 'paired', token: 'credential' })
    }
    await vi.advanceTimersByTimeAsync(2000)
    expect([readCredential(), page?.get('.say').text()]).toEqual(['credential', '已配对，正在登记'])
    await vi.advanceTimersByTimeAsync(4100)
    await flushPromises()
    expect([router.currentRoute.value.path, socket.connected]).toEqual(['/wall', true])
  })
  it('shows its code by itself when its pairing is revoked, and comes back to its scene', async () => {
    codes()
    localStorage.setItem('screen-credential', 'old')
    signedIn = { ...administrator, kind: 'screen', id: 9, username: null, name: '指挥大厅', roles: ['wall'], permissions: ['look'] }
    await open('/wall/gas')
    signedIn = null
    answers['auth/me'] = () => problem(401, readCredential() === null ? 'signed_out' : 'credential_unknown')
    socket.fire('screen', { paired: false })
    await settle()
    await settle()
    expect(router.currentRoute.value.query).toMatchObject({ pair: '', next: '/wall/gas' })
    expect(text()).toContain('本屏的配对已被撤销123\u2009456')
    expect(readCredential()).toBeNull()
  })
})
