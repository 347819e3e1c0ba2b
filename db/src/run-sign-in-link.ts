import { createHash, randomBytes } from 'node:crypto'
import { addAudit } from './audit.ts'
import { addSignInLink, findAccount } from './accounts.ts'
import { createPool } from './connection.ts'

const livesMs = 24 * 3_600_000

/**
 * A link for somebody who has no way in any more: who may write into the database may let in whom they like, and the
 * audit log says that it was done here. Answers the path that follows the server's address.
 */
export async function signInLink(url: string, username: string): Promise<string> {
  const pool = createPool({ connectionString: url, applicationName: 'yiping-db', max: 1 })
  try {
    const account = await findAccount(pool, username)
    if (account === null) throw new Error(`there is no account ${username}`)
    if (account.disabledAt !== null) throw new Error(`the account ${account.username} is disabled`)
    const token = randomBytes(32).toString('base64url')
    const at = Date.now()
    await addSignInLink(pool, { tokenHash: createHash('sha256').update(token).digest(), account: account.id, expiresAt: at + livesMs })
    await addAudit(pool, {
      ...{ at, actor: 'db', account: null, via: 'nobody', address: null, action: 'account.link', target: account.username },
      ...{ outcome: 'done', before: null, after: null },
    })
    return `/sign-in#${token}`
  } finally {
    await pool.end()
  }
}
