import type { Queryable } from '@yiping/db'
import { describe, expect, it } from 'vitest'
import { type Gate, Keyring } from '../src/access/keyring.ts'

/** A database that answers when the test says so. */
function begin(now: () => number = () => 0) {
  const asked: ((rows: object[]) => void)[] = []
  const db = {
    query: (sql: string) => (sql.startsWith('update') ? Promise.resolve({ rows: [] }) : new Promise((resolve) => asked.push((rows) => resolve({ rows })))),
  }
  const keyring = new Keyring({ db: db as unknown as Queryable, now, idleMs: 60_000, log: { warn: () => {} } })
  return { asked, keyring }
}
const holder = { id: 7, account: 1, username: 'li', name: 'li', roles: ['operator'], districts: null, domains: null, scopes: null, expiresAt: null }
const cookie = { kind: 'cookie', text: 'secret' } as const

describe('who a credential speaks for', () => {
  it('is asked once, however many ask at once', async () => {
    const { asked, keyring } = begin()
    const all = Promise.all([keyring.find(cookie), keyring.find(cookie), keyring.find(cookie)])
    expect(asked.length).toBe(1)
    asked[0]?.([holder])
    expect((await all).map((p) => p?.username)).toEqual(['li', 'li', 'li'])
    expect((await keyring.find(cookie))?.id).toBe(7)
    expect(asked.length).toBe(1)
  })

  it('is not kept when it ends while it is looked up', async () => {
    const { asked, keyring } = begin()
    const first = keyring.find(cookie)
    keyring.forget(() => true)
    const second = keyring.find(cookie)
    expect(asked.length).toBe(2)
    // Read before the end, and answered after it.
    asked[0]?.([holder])
    expect((await first)?.id).toBe(7)
    asked[1]?.([])
    expect([await second, await keyring.find(cookie), asked.length]).toEqual([null, null, 2])
  })

  it('is counted when it is nobody, once, and not asked for by who may not ask', async () => {
    const { asked, keyring } = begin()
    const counted: string[] = []
    const gate: Gate = { mayAsk: () => void counted.push('asked'), wasNobody: () => void counted.push('nobody') }
    const both = Promise.all([keyring.find(cookie, gate), keyring.find(cookie, gate)])
    asked[0]?.([])
    expect(await both).toEqual([null, null])
    expect(counted).toEqual(['asked', 'nobody'])
    const shut: Gate = {
      mayAsk: () => {
        throw new Error('too many')
      },
      wasNobody: () => {},
    }
    expect(await keyring.find(cookie, shut)).toBeNull()
    await expect(keyring.find({ kind: 'bearer', text: 'yp_other' }, shut)).rejects.toThrow('too many')
    expect(asked.length).toBe(1)
  })

  it('is known although others make up thousands', async () => {
    const { asked, keyring } = begin()
    const mine = keyring.find(cookie)
    asked[0]?.([holder])
    await mine
    for (let i = 0; i < 7000; i += 1) {
      const nobody = keyring.find({ kind: 'bearer', text: `made-up ${i}` })
      asked[i + 1]?.([])
      await nobody
    }
    expect((await keyring.find(cookie))?.id).toBe(7)
    expect(asked.length).toBe(7001)
  })
})
