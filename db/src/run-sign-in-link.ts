import { addAudit } from './audit.ts'
import { findAccount, makeSignInLink } from './accounts.ts'
import { createPool } from './connection.ts'

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
    const at = Date.now()
    const { token } = await makeSignInLink(pool, account.id, at)
    await addAudit(pool, [
      {
        ...{ at, actor: 'db', account: null, via: 'nobody', address: null, action: 'account.link', target: account.username },
        ...{ outcome: 'done', before: null, after: null },
      },
    ])
    return `/sign-in#${token}`
  } finally {
    await pool.end()
  }
}
