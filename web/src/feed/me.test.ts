import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { administrator, personAs } from '../testing/people.ts'
import { keepCredential, readCredential } from './credential.ts'
import { createMe } from './me.ts'
import { rest } from './rest.ts'

let me: ReturnType<typeof createMe>
/** What the server says next, one after the other; the last one stands. */
let answers: (() => Response | Promise<Response>)[]
let asked: { path: string; bearer: string | undefined }[]
const problem = (status: number, code: string) => () => Response.json({ code }, { status })
const is = (who: unknown) => () => Response.json(who)
const away = () => {
  throw new TypeError('network')
}
const begin = async (...said: (() => Response | Promise<Response>)[]): Promise<void> => {
  answers = said
  me = createMe(() => 0.5)
  await vi.advanceTimersByTimeAsync(0)
}
beforeEach(() => {
  vi.useFakeTimers()
  localStorage.clear()
  asked = []
  vi.stubGlobal('fetch', async (url: string, init: { headers: Record<string, string> }) => {
    asked.push({ path: url.replace('/api/v1/', ''), bearer: init.headers.authorization })
    const answer = answers.length > 1 ? answers.shift() : answers[0]
    return answer?.() ?? Response.json({}, { status: 404 })
  })
})
afterEach(() => {
  me.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

describe('who is signed in', () => {
  it('is asked once at the start, and may what the server says', async () => {
    await begin(is(personAs('analyst')))
    expect([me.standing.value, me.may('history'), me.may('act'), asked.length]).toEqual(['in', true, false, 1])
  })
  it('is nobody when the server says so', async () => {
    await begin(problem(401, 'signed_out'))
    expect([me.standing.value, me.who.value, me.may('look')]).toEqual(['out', null, false])
  })
  it.each([
    ['is out of reach', away],
    ['is not ready', problem(503, 'not_ready')],
  ])('is not known while the server %s: the page comes up, and the server is asked again', async (_name, unanswered) => {
    await begin(unanswered, unanswered, is(administrator))
    expect([me.standing.value, me.may('look')]).toEqual(['unreached', false])
    await vi.advanceTimersByTimeAsync(4000)
    expect([me.standing.value, asked.length]).toEqual(['in', 3])
  })
  it('is not waited for by the page for longer than three seconds', async () => {
    await begin(() => new Promise(() => undefined))
    await vi.advanceTimersByTimeAsync(2999)
    expect(me.standing.value).toBe('asking')
    await vi.advanceTimersByTimeAsync(1)
    expect(me.standing.value).toBe('unreached')
  })
  it('stays who they are while the server is away, whatever fails', async () => {
    await begin(is(administrator), away)
    await me.check()
    await expect(rest.screens()).rejects.toMatchObject({ code: 'unreachable' })
    await vi.advanceTimersByTimeAsync(60_000)
    expect([me.standing.value, me.may('audit')]).toEqual(['in', true])
  })
  it('is out once a request was refused and the server confirms it, however many were', async () => {
    await begin(is(administrator), problem(401, 'signed_out'))
    await Promise.allSettled([rest.screens(), rest.alarmRules(), rest.dutyShifts()])
    await vi.advanceTimersByTimeAsync(0)
    expect(me.standing.value).toBe('out')
    expect(asked.filter((a) => a.path === 'auth/me')).toHaveLength(2)
  })
  it('has other rights once a request was forbidden and the server says so', async () => {
    await begin(is(administrator), problem(403, 'forbidden'), is(personAs('operator')))
    await rest.noticeRoutes().catch(() => undefined)
    await vi.advanceTimersByTimeAsync(0)
    expect([me.standing.value, me.may('act'), me.may('configure')]).toEqual(['in', true, false])
  })
  it('is not asked for again by a wrong password', async () => {
    await begin(problem(401, 'signed_out'), problem(401, 'login_refused'))
    await expect(rest.signIn('a', 'b')).rejects.toMatchObject({ code: 'login_refused' })
    await vi.advanceTimersByTimeAsync(0)
    expect(asked.map((a) => a.path)).toEqual(['auth/me', 'auth/login'])
  })
  it('is what signing in answers, and not what was asked before it', async () => {
    let late: (answer: Response) => void = () => undefined
    await begin(() => new Promise((resolve) => (late = resolve)))
    me.enter(personAs('operator'))
    late(Response.json({ code: 'signed_out' }, { status: 401 }))
    await vi.advanceTimersByTimeAsync(0)
    expect([me.standing.value, me.who.value?.username]).toEqual(['in', 'operator'])
  })
  it('is nobody after signing out, and still somebody when that did not reach the server', async () => {
    await begin(is(administrator), away, () => new Response(null, { status: 204 }))
    await expect(me.signOut()).rejects.toMatchObject({ code: 'unreachable' })
    expect(me.standing.value).toBe('in')
    await me.signOut()
    expect([me.standing.value, asked.at(-1)?.path]).toEqual(['out', 'auth/logout'])
  })
  it('goes on to the provider by which they came in, once nobody is signed in here', async () => {
    const left: [string, string][] = []
    answers = [is(administrator), is({ location: 'https://id.example/end' })]
    me = createMe(
      () => 0.5,
      (address) => void left.push([address, me.standing.value]),
    )
    await vi.advanceTimersByTimeAsync(0)
    await me.signOut()
    expect(left).toEqual([['https://id.example/end', 'out']])
  })
})

describe('a screen', () => {
  it('shows its credential, and throws away one that the server does not know', async () => {
    keepCredential('secret')
    await begin(problem(401, 'credential_unknown'), problem(401, 'signed_out'))
    expect(asked.map((a) => a.bearer)).toEqual(['Bearer secret', undefined])
    expect([me.standing.value, me.revoked.value, readCredential()]).toEqual(['out', 1, null])
  })
  it('goes on as whoever is signed in in its browser', async () => {
    keepCredential('secret')
    await begin(problem(401, 'credential_unknown'), is(administrator))
    expect([me.standing.value, me.revoked.value, me.who.value?.kind]).toEqual(['in', 1, 'account'])
  })
})
