import { type Role, permissions } from '@yiping/contract'
import { addAccount, addSession, addToken, createPool, findAccount } from '@yiping/db'
import type { BrowserContext } from 'playwright-core'
import { io as plainIo, type ManagerOptions, type Socket, type SocketOptions } from 'socket.io-client'
import { hashOf } from '../src/screens/credentials.ts'

/** What the tests of other things than accounts use: an administrator's token, and a session of a browser. */
export const adminToken = 'yp_of-an-administrator-in-tests-and-nowhere-else'
export const adminSession = 'session-of-an-administrator-in-tests-and-nowhere-else'
const [dayMs, until] = [24 * 3_600_000, Date.UTC(2200, 0, 1)]

/** Lets them in, whatever clock the server goes by; once a database. */
export async function letTestsIn(databaseUrl: string): Promise<void> {
  const db = createPool({ connectionString: databaseUrl, applicationName: 'test', max: 1 })
  try {
    if ((await findAccount(db, 'tester')) !== null) return
    const roles: Role[] = ['administrator']
    const account = await addAccount(db, { username: 'tester', name: 'tester', roles, districts: null, domains: null, passwordHash: null }, Date.now() - dayMs)
    if (account === null) return
    const forgotten = { account, now: Date.now(), expiresAt: until }
    await addToken(db, { ...forgotten, tokenHash: hashOf(adminToken), name: 'tests', scopes: permissions })
    // Seen in the far future: a server whose clock a test moves on does not find it idle.
    await addSession(db, { ...forgotten, now: until - dayMs, tokenHash: hashOf(adminSession), address: '127.0.0.1', agent: 'tests' })
  } finally {
    await db.end()
  }
}

/** For requests that no socket carries. */
export const asAdmin = { authorization: `Bearer ${adminToken}` }

/** As the global one, with the administrator's token. */
export const fetch = (url: string, init: RequestInit = {}): Promise<Response> =>
  globalThis.fetch(url, { ...init, headers: { ...asAdmin, ...(init.headers as Record<string, string>) } })

/** As Socket.IO's, likewise. */
export const io = (url: string, options: Partial<ManagerOptions & SocketOptions> = {}): Socket => plainIo(url, { auth: { token: adminToken }, ...options })

/** A browser is signed in before its first page. */
export async function signIn(context: BrowserContext, address: string): Promise<void> {
  const { port, hostname } = new URL(address)
  await context.addCookies([{ name: `yiping_session${port}`, value: adminSession, domain: hostname, path: '/', httpOnly: true, sameSite: 'Strict' }])
}
