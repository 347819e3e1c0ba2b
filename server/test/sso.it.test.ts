import type { Role } from '@yiping/contract'
import { addAccount, createPool, findAccount, type Pool } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { hashPassword } from '../src/access/password.ts'
import type { App } from '../src/app.ts'
import { startProvider, type TestProvider, Visitor } from './oidc.ts'
import { startServer } from './running.ts'
import { fetch } from './signed-in.ts'

let database: TestDatabase
let pool: Pool
let provider: TestProvider
/** Two servers on one database, as behind a proxy. */
let apps: App[]
let address: string
let other: string
let skewMs = 0
const password = 'korrekt pferd batterie'
const sso = '/api/v1/auth/sso'

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  provider = await startProvider()
  const config = { sso: provider.settings, now: () => Date.now() + skewMs }
  const started = [await startServer(database.url, config), await startServer(database.url, config)]
  apps = started.map((s) => s.app)
  ;[address, other] = started.map((s) => s.address) as [string, string]
  await provider.up(address, other)
})
afterAll(async () => {
  for (const app of apps ?? []) await app.stop()
  await provider?.stop()
  await pool?.end()
  await database?.stop()
})
beforeEach(async () => {
  // Failures of another test hold nobody up, and the provider is asked anew.
  skewMs += 20 * 60_000
  await provider.up()
})

const known = (subject: string, groups: string[] | undefined, more: object = {}): void =>
  void provider.people.set(subject, { preferred_username: subject, name: `${subject}的姓名`, ...(groups ? { groups } : {}), ...more })
const local = async (username: string, roles: Role[] = ['operator']): Promise<number> => {
  const made = { username, name: username, roles, districts: null, domains: null, passwordHash: await hashPassword(password) }
  return (await addAccount(pool, made, Date.now())) ?? Number.NaN
}
const meOf = async (visitor: Visitor, at = address): Promise<{ status: number; body: ReturnType<typeof JSON.parse> }> => {
  const answer = await visitor.ask(`${at}/api/v1/auth/me`)
  return { status: answer.status, body: await answer.json() }
}
const comeIn = async (person: string, { visitor = new Visitor(), next = '/alarms?q=a', at = address } = {}): Promise<{ visitor: Visitor; place: string }> => {
  const page = await visitor.follow(`${at}${sso}?next=${encodeURIComponent(next)}`)
  return { visitor, place: (await visitor.signInAs(person, page, at)).slice(at.length) }
}
const audited = async (action = 'session.sso'): Promise<Record<string, unknown>> =>
  (await (await fetch(`${address}/api/v1/audit?action=${action}&limit=1`)).json()).items[0]
const refusedWith = (code: string, next = '/alarms?q=a'): string => `/sign-in?${new URLSearchParams({ next, error: code })}`

describe('single sign-on', () => {
  it('lets somebody in for the first time with the roles of the claim, to the page that was asked for', async () => {
    known('wang.lei', ['yiping-duty', 'yiping-data', 'football'], { email: 'wang@example.org' })
    const { visitor, place } = await comeIn('wang.lei')
    expect(place).toBe('/alarms?q=a')
    const me = await meOf(visitor)
    expect(me).toMatchObject({
      status: 200,
      body: { kind: 'account', username: 'wang.lei', name: 'wang.lei的姓名', roles: ['operator', 'analyst'], hasPassword: false },
    })
    expect(await audited()).toMatchObject({
      ...{ actor: 'wang.lei', target: 'wang.lei', outcome: 'done', address: '127.0.0.1', before: null },
      after: { username: 'wang.lei', roles: ['operator', 'analyst'], disabled: false, sso: true },
    })
    // Nothing of what the two servers said to each other is kept.
    const log = JSON.stringify(await (await fetch(`${address}/api/v1/audit`)).json())
    for (const secret of ['code=', 'eyJ', provider.settings.clientSecret]) expect(log).not.toContain(secret)
    const sent = visitor.visited.find((url) => url.includes('code_challenge')) ?? ''
    for (const part of ['code_challenge_method=S256', 'state=', 'nonce=', 'response_type=code']) expect(sent).toContain(part)
  })

  it('knows them again by issuer and subject, whatever they are called now, and takes their roles anew', async () => {
    known('li.na', ['yiping-duty'])
    const first = await meOf((await comeIn('li.na')).visitor)
    known('li.na', ['yiping-data'], { preferred_username: 'somebody-else', email: 'new@example.org' })
    const again = await meOf((await comeIn('li.na')).visitor)
    expect([again.body.id, again.body.username, again.body.roles]).toEqual([first.body.id, 'li.na', ['analyst']])
    expect(await audited()).toMatchObject({ before: { roles: ['operator'] }, after: { roles: ['analyst'] } })
  })

  it('makes one account of somebody who comes in twice at once', async () => {
    known('ma', ['yiping-duty'])
    const both = await Promise.all([comeIn('ma'), comeIn('ma', { at: other })])
    const [one, two] = [await meOf(both[0].visitor), await meOf(both[1].visitor, other)]
    expect([one.body.username, two.body.id]).toEqual(['ma', one.body.id])
  })

  it('makes nobody an account that is only called alike', async () => {
    const id = await local('zhang')
    known('7731', ['yiping-duty'], { preferred_username: 'zhang' })
    const { body } = await meOf((await comeIn('7731')).visitor)
    expect(body.id).not.toBe(id)
    expect(body.username).toMatch(/^zhang-[0-9a-f]{8}$/)
    known('王磊', ['yiping-duty'])
    expect((await meOf((await comeIn('王磊')).visitor)).body).toMatchObject({ username: expect.stringMatching(/^sso-[0-9a-f]{8}$/), name: '王磊的姓名' })
  })

  it('refuses who has no role, whose account is disabled, and who would leave nobody to let others in', async () => {
    known('guest', ['football'])
    const { visitor, place } = await comeIn('guest')
    expect(place).toBe(refusedWith('sso_no_role'))
    expect((await meOf(visitor)).status).toBe(401)
    expect(await findAccount(pool, 'guest')).toBeNull()
    expect(await audited()).toMatchObject({ actor: 'nobody', via: 'nobody', outcome: 'sso_no_role' })

    known('chen', ['yiping-duty'])
    const { body } = await meOf((await comeIn('chen')).visitor)
    known('chen', undefined)
    expect((await comeIn('chen')).place).toBe(refusedWith('sso_no_role'))
    known('chen', ['yiping-admin'])
    await pool.query('update account set disabled_at = now() where id = $1', [body.id])
    expect((await comeIn('chen')).place).toBe(refusedWith('sso_disabled'))
    expect((await findAccount(pool, 'chen'))?.roles).toEqual(['operator'])

    known('boss', ['yiping-admin'])
    await comeIn('boss')
    known('boss', ['yiping-duty'])
    await pool.query(`update account set disabled_at = now() where username <> 'boss' and 'administrator' = any(roles)`)
    expect((await comeIn('boss')).place).toBe(refusedWith('sso_last_administrator'))
    await pool.query(`update account set disabled_at = null where 'administrator' = any(roles)`)
    expect((await comeIn('boss')).place).toBe('/alarms?q=a')
  })

  it('sends nobody to another site afterwards', async () => {
    known('qian', ['yiping-duty'])
    const visitor = new Visitor()
    for (const next of [
      '//elsewhere.example/',
      '/.//elsewhere.example',
      '/\\elsewhere.example',
      '/\t/elsewhere.example',
      'https://elsewhere.example',
      'javascript:x',
      '/api/v1/export',
      '',
    ]) {
      const { place } = await comeIn('qian', { visitor, next })
      expect([next, place]).toEqual([next, '/'])
    }
    expect((await comeIn('qian', { visitor, next: '/history?of=压力#x' })).place).toBe('/history?of=%E5%8E%8B%E5%8A%9B#x')
    expect(visitor.visited.filter((url) => ![address, provider.issuer].includes(new URL(url).origin))).toEqual([])
  })
})

describe('the way back from the provider', () => {
  const begun = async (person: string, visitor: Visitor): Promise<string> => {
    known(person, ['yiping-duty'])
    const callback = `${address}${sso}/callback`
    return visitor.signInAs(person, await visitor.follow(`${address}${sso}?next=/alarms`), address, callback)
  }

  it('may lead to another server process on the same database', async () => {
    const visitor = new Visitor()
    const back = await begun('sun', visitor)
    // A proxy shows one address for both.
    const answer = await fetch(back.replace(address, other), { redirect: 'manual', headers: { cookie: visitor.cookies(), host: new URL(address).host } })
    expect([answer.status, answer.headers.get('location')]).toEqual([302, '/alarms'])
    const cookies = answer.headers.getSetCookie()
    expect(cookies).toContainEqual(expect.stringMatching(/^yiping_session\d+=[\w-]{43}; Max-Age=\d+; Path=\/; HttpOnly; SameSite=Strict$/))
    for (const cookie of cookies) expect(cookie).toContain('HttpOnly')
  })

  it('is good once, in the browser that set out, within ten minutes, and as it was', async () => {
    const visitor = new Visitor()
    const back = await begun('zhou', visitor)
    const cookie = visitor.cookies()
    const come = async (url: string, headers: Record<string, string> = { cookie }): Promise<string | null> =>
      (await globalThis.fetch(url, { redirect: 'manual', headers })).headers.get('location')
    expect(await come(back, {})).toBe('/sign-in?error=sso_state')
    expect(await come(`${address}${sso}/callback`)).toBe('/sign-in?error=sso_state')
    expect(await come(back.replace(/state=[^&]+/, 'state=made-up'))).toBe('/sign-in?error=sso_state')
    expect(await audited()).toMatchObject({ actor: 'nobody', outcome: 'sso_state', target: null })
    skewMs += 20 * 60_000
    expect(await come(back)).toBe('/sign-in?error=sso_state')
    skewMs -= 20 * 60_000
    expect(await come(back)).toBe('/alarms')
    // The provider takes no code twice, and the browser keeps nothing of it.
    expect((await visitor.ask(back)).headers.get('location')).toBe('/sign-in?next=%2Falarms&error=sso_invalid')
    expect((await visitor.ask(back)).headers.get('location')).toBe('/sign-in?error=sso_state')
  })

  it('says when somebody thought better of it, and slows down who comes back with nothing again and again', async () => {
    known('wu', ['yiping-duty'])
    const visitor = new Visitor()
    const page = await visitor.follow(`${address}${sso}?next=/alarms`)
    const [, abort] = /href="([^"]+\/abort)"/.exec((await page.response?.text()) ?? '') ?? []
    expect((await visitor.follow(abort ?? '')).url).toBe(`${address}/sign-in?next=%2Falarms&error=sso_denied`)
    expect(await audited()).toMatchObject({ outcome: 'sso_denied' })
    const entries = async (): Promise<number> => (await pool.query<{ n: number }>('select count(*)::int as n from audit')).rows[0]?.n ?? Number.NaN
    const before = await entries()
    const codes: (string | null)[] = []
    for (let i = 0; i < 12; i += 1) codes.push((await visitor.ask(`${address}${sso}/callback?state=x${i}`)).headers.get('location'))
    const refused = codes.filter((c) => c?.endsWith('sso_state')).length
    expect(codes.filter((c) => c?.endsWith('login_throttled')).length).toBe(12 - refused)
    expect(refused).toBeLessThan(8)
    expect(await entries()).toBe(before + refused)
  })

  it('takes no token whose time is not ours', async () => {
    skewMs += 30 * 3_600_000
    known('zheng', ['yiping-duty'])
    expect((await comeIn('zheng')).place).toBe(refusedWith('sso_clock'))
    skewMs -= 30 * 3_600_000
  })
})

describe('a provider that is away', () => {
  it('keeps nobody out who has a password, is said at the door, and is asked again', async () => {
    await local('feng')
    provider.down()
    const methods = async () => (await (await fetch(`${address}/api/v1/auth/methods`)).json()).sso
    const { place } = await comeIn('feng')
    expect(place).toBe(refusedWith('sso_unreachable'))
    expect(await methods()).toEqual({ name: '政务统一认证', reachable: false })
    const login = await globalThis.fetch(`${address}/api/v1/auth/login`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: 'feng', password }) },
    })
    expect(login.status).toBe(200)
    await provider.up()
    skewMs += 60_000
    known('feng', ['yiping-duty'])
    expect((await comeIn('feng')).place).toBe('/alarms?q=a')
    expect(await methods()).toEqual({ name: '政务统一认证', reachable: true })
  })
})

describe('an account of here', () => {
  const login = async (visitor: Visitor, username: string): Promise<Record<string, string>> => {
    const headers = { 'content-type': 'application/json', origin: address }
    const answer = await visitor.ask(`${address}/api/v1/auth/login`, { method: 'POST', headers, body: JSON.stringify({ username, password }) })
    expect(answer.status).toBe(200)
    return headers
  }
  const linkAs = async (visitor: Visitor, headers: Record<string, string>, person: string): Promise<string> => {
    const answer = await visitor.ask(`${address}${sso}/link`, { method: 'POST', headers, body: '{}' })
    const { location } = await answer.json()
    expect(location).toContain('prompt=login')
    return (await visitor.signInAs(person, await visitor.follow(location), address)).slice(address.length)
  }

  it('is linked by its owner while signed in, comes in by single sign-on from then on, and no more when that is taken away', async () => {
    const id = await local('gao')
    known('subject-of-gao', ['yiping-duty'], { preferred_username: 'gao' })
    const visitor = new Visitor()
    const headers = await login(visitor, 'gao')
    expect(await linkAs(visitor, headers, 'subject-of-gao')).toBe('/account')
    expect(await audited('account.sso')).toMatchObject({ actor: 'gao', outcome: 'done', before: { sso: false }, after: { sso: true } })
    expect((await meOf((await comeIn('subject-of-gao')).visitor)).body).toMatchObject({ id, username: 'gao', hasPassword: true })

    // Whose it is already is nobody else's.
    await local('he')
    const second = new Visitor()
    expect(await linkAs(second, await login(second, 'he'), 'subject-of-gao')).toBe('/account?error=sso_taken')

    const unlinked = await fetch(`${address}/api/v1/accounts/${id}`, {
      method: 'PATCH',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ sso: false }),
    })
    expect(await unlinked.json()).toMatchObject({ id, sso: false })
    expect((await meOf((await comeIn('subject-of-gao')).visitor)).body.id).not.toBe(id)
  })

  it('keeps the roles that it was given here where the claim decides nothing, and nobody else comes in', async () => {
    const third = await startServer(database.url, { sso: { ...provider.settings, roles: null }, now: () => Date.now() + skewMs })
    try {
      await provider.up(address, other, third.address)
      const id = await local('guo', ['analyst'])
      known('subject-of-guo', ['yiping-admin'])
      expect((await comeIn('subject-of-guo', { at: third.address })).place).toBe(refusedWith('sso_no_role'))
      const visitor = new Visitor()
      expect(await linkAs(visitor, await login(visitor, 'guo'), 'subject-of-guo')).toBe('/account')
      const { visitor: again } = await comeIn('subject-of-guo', { at: third.address })
      expect((await meOf(again, third.address)).body).toMatchObject({ id, roles: ['analyst'], sso: true })
    } finally {
      await third.app.stop()
    }
  })

  it('is not linked once its session is over, nor by a token', async () => {
    await local('lin')
    known('subject-of-lin', ['yiping-duty'])
    const visitor = new Visitor()
    const headers = await login(visitor, 'lin')
    const { location } = await (await visitor.ask(`${address}${sso}/link`, { method: 'POST', headers, body: '{}' })).json()
    expect((await visitor.ask(`${address}/api/v1/auth/logout`, { method: 'POST', headers, body: '{}' })).status).toBe(204)
    expect((await visitor.signInAs('subject-of-lin', await visitor.follow(location), address)).slice(address.length)).toBe('/account?error=sso_state')
    expect((await findAccount(pool, 'lin'))?.oidcSubject).toBeNull()
    expect((await fetch(`${address}${sso}/link`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: '{}' })).status).toBe(403)
  })
})

it('signing out ends the session here and says where it is ended at the provider', async () => {
  known('tang', ['yiping-duty'])
  const { visitor } = await comeIn('tang')
  const headers = { 'content-type': 'application/json', origin: address }
  const answer = await visitor.ask(`${address}/api/v1/auth/logout`, { method: 'POST', headers, body: '{}' })
  const { location } = await answer.json()
  expect(new URL(location).origin).toBe(provider.issuer)
  expect(new URL(location).searchParams.get('post_logout_redirect_uri')).toBe(`${address}/sign-in`)
  expect((await meOf(visitor)).status).toBe(401)
  const page = await visitor.follow(location)
  expect(page.response?.status).toBe(200)
  expect(await page.response?.text()).toContain('logout')
})

it('an address that was not configured is believed from this machine alone', async () => {
  const { app } = await startServer(database.url, { sso: { ...provider.settings, publicUrl: 'https://yiping.example' } })
  try {
    const ask = (host: string, url: string) => app.fastify.inject({ method: 'GET', url, headers: { host } })
    expect((await ask('10.0.0.5:8080', `${sso}?next=/alarms`)).headers.location).toBe(`https://yiping.example${sso}?next=%2Falarms&here=1`)
    const sent = new URL(String((await ask('yiping.example', `${sso}?next=/alarms`)).headers.location))
    expect([sent.origin, sent.searchParams.get('redirect_uri')]).toEqual([provider.issuer, `https://yiping.example${sso}/callback`])
  } finally {
    await app.stop()
  }
  for (const host of ['elsewhere.example', '127.0.0.1.elsewhere.example', 'localhost@elsewhere.example', '10.0.0.5:8080'])
    expect([host, (await apps[0]?.fastify.inject({ method: 'GET', url: sso, headers: { host } }))?.headers.location]).toEqual([
      host,
      '/sign-in?error=sso_address',
    ])
})
