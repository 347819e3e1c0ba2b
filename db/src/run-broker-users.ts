import { chmod, chown, open, readFile, rename, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { brokerUsers, emqxAcl, emqxUsers, loadSenders, mosquittoAcl, parsePasswords, passwordFile, planPasswords } from './broker-users.ts'
import { createPool } from './connection.ts'
import { argumentsOf } from './moving/arguments.ts'

const usage = 'broker-users DIR [--rotate NAME]… [--no-gateway-topic] [--emqx]'

export function brokerUserArguments(args: readonly string[]): { folder: string; rotate: Set<string>; gatewayTopic: boolean; emqx: boolean } {
  const rotate = new Set<string>()
  const { flags, rest } = argumentsOf(
    args.filter((argument, i) => {
      if (args[i - 1] === '--rotate') rotate.add(argument)
      return argument !== '--rotate' && args[i - 1] !== '--rotate'
    }),
    [],
    ['--no-gateway-topic', '--emqx'],
  )
  const [folder, ...more] = rest
  if (folder === undefined || more.length > 0 || args.at(-1) === '--rotate') throw new Error(usage)
  return { folder, rotate, gatewayTopic: !flags.has('--no-gateway-topic'), emqx: flags.has('--emqx') }
}

/**
 * Writes users and rules of the broker into a folder: `passwords` and `acl`, each whole or not at all, and passwords that are new into
 * a file of their own, once. What stands in `passwords.own` and `acl.own` there is put behind. Answers lines about what was done.
 */
export async function runBrokerUsers(url: string, args: readonly string[], now = new Date()): Promise<string[]> {
  const { folder, rotate, gatewayTopic, emqx } = brokerUserArguments(args)
  const pool = createPool({ connectionString: url, applicationName: 'yiping-db', max: 1 })
  const senders = await loadSenders(pool).finally(() => pool.end())
  const users = brokerUsers(senders, { gatewayTopic })
  const [present, ownPasswords, ownRules] = await Promise.all(['passwords', 'passwords.own', 'acl.own'].map((name) => textOf(join(folder, name))))
  const own = parsePasswords(ownPasswords ?? '')
  const known = parsePasswords(present ?? '')
  for (const name of own.keys()) known.delete(name)
  const { entries, made, gone } = planPasswords(users, known, rotate)
  const done = [`${users.length} users: ${made.length} with a new password, ${gone.length} gone`]
  if (made.length > 0) {
    const file = join(folder, `new-passwords-${now.toISOString().replaceAll(/[:.]/g, '-')}.csv`)
    // Before the broker knows them: what nobody has written down would be lost.
    const topicsOf = new Map(users.map((u) => [u.name, u.publishes.join(' ')]))
    await writeNew(file, ['user,password,publishes', ...made.map((m) => `${m.name},${m.password},${topicsOf.get(m.name) ?? ''}`), ''].join('\n'))
    done.push(`${file}: give it to whoever programs the devices and delete it; the passwords stand nowhere else`)
  }
  await replace(join(folder, 'acl'), mosquittoAcl(users) + (ownRules === null ? '' : `\n${ownRules}`))
  await replace(join(folder, 'passwords'), passwordFile(new Map([...entries, ...own])))
  if (emqx) {
    await replace(join(folder, 'emqx-acl.conf'), emqxAcl(users))
    await replace(join(folder, 'emqx-users.csv'), emqxUsers(entries))
  }
  return [...done, 'the broker reads them again on SIGHUP']
}

const textOf = (file: string): Promise<string | null> =>
  readFile(file, 'utf8').catch((error: unknown) => {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return null
    throw error
  })

async function writeNew(file: string, text: string): Promise<void> {
  const handle = await open(file, 'wx', 0o600)
  try {
    await handle.writeFile(text)
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** Whole or not at all. It keeps its owner and mode; a new one belongs to the group of its folder, which may read it. */
async function replace(file: string, text: string): Promise<void> {
  const part = `${file}.part`
  const before = await stat(file).catch(() => null)
  const folder = await stat(join(file, '..'))
  await rm(part, { force: true })
  try {
    await writeNew(part, text)
    // Who may not give a file away keeps it.
    await chown(part, before?.uid ?? -1, before?.gid ?? folder.gid).catch(() => {})
    await chmod(part, before === null ? 0o640 : before.mode & 0o777)
    await rename(part, file)
  } catch (error) {
    await rm(part, { force: true })
    throw error
  }
}
