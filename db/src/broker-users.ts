import { pbkdf2Sync, randomBytes } from 'node:crypto'
import { buildTopic, isDomainCode, stationCodePattern } from '@yiping/contract'
import type { Queryable } from './connection.ts'

/** Somebody whom the broker knows, and what it may do there: topic filters. */
export interface BrokerUser {
  name: string
  publishes: readonly string[]
  subscribes: readonly string[]
}

export interface Sender {
  code: string
  domain: string
  gateway: string | null
}

export const ingestUser = 'yiping-ingest'
const ofIngest: BrokerUser = { name: ingestUser, publishes: ['spBv1.0/+/NCMD/+'], subscribes: ['city/#', buildTopic({ kind: 'gateway' }), 'spBv1.0/#'] }

/** The city's own stations; what is replayed of other places comes from no device. */
export async function loadSenders(db: Queryable): Promise<Sender[]> {
  const { rows } = await db.query<Sender>('select code, domain, gateway from station where origin is null order by code')
  return rows
}

export class BrokerUserError extends Error {
  override name = 'BrokerUserError'
}

/**
 * Who may do what, out of the register. A station that connects by itself publishes its own topic and nothing else. One behind a gateway
 * does not connect: its gateway may publish in its name, and, with `gatewayTopic`, on the topic whose payload names the stations, where a
 * broker cannot see whose they are.
 */
export function brokerUsers(senders: readonly Sender[], { gatewayTopic }: { gatewayTopic: boolean }): BrokerUser[] {
  const topics = new Map<string, string[]>()
  const faults: string[] = []
  for (const { code, domain, gateway } of senders) {
    const name = gateway ?? code
    if (!isDomainCode(domain)) continue
    if (name === ingestUser) faults.push(`${code}: ${ingestUser} is the name of ingest`)
    else if (!stationCodePattern.test(name)) faults.push(`${code}: its gateway ${JSON.stringify(name)} cannot be the name of a user`)
    const own = topics.get(name) ?? (gateway !== null && gatewayTopic ? [buildTopic({ kind: 'gateway' })] : [])
    own.push(buildTopic({ kind: 'telemetry', domain, station: code }))
    topics.set(name, own)
  }
  if (faults.length > 0) throw new BrokerUserError(faults.join('\n'))
  return [ofIngest, ...[...topics].sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, publishes]) => ({ name, publishes, subscribes: [] }))]
}

/** What is not named is refused: the file has no pattern that holds for everybody. */
export const mosquittoAcl = (users: readonly BrokerUser[]): string =>
  [
    '# Written by npm run db -- broker-users out of the register. What no line allows is refused.',
    ...users.map((u) => ['', `user ${u.name}`, ...u.subscribes.map((t) => `topic read ${t}`), ...u.publishes.map((t) => `topic write ${t}`)].join('\n')),
    '',
  ].join('\n')

/** The same for EMQX, whose first rule that fits counts. */
export const emqxAcl = (users: readonly BrokerUser[]): string => {
  const rule = (name: string, action: string, filters: readonly string[]): string[] =>
    filters.length === 0 ? [] : [`{allow, {username, "${name}"}, ${action}, [${filters.map((f) => `"${f}"`).join(', ')}]}.`]
  return [
    '%% Written by npm run db -- broker-users out of the register.',
    ...users.flatMap((u) => [...rule(u.name, 'subscribe', u.subscribes), ...rule(u.name, 'publish', u.publishes)]),
    '{deny, all}.',
    '',
  ].join('\n')
}

const iterations = 101
const hashBytes = 64

/**
 * What is kept of a password, as `mosquitto_passwd` writes it: PBKDF2 with SHA-512. Its few rounds do for passwords of 144 random bits, which
 * nobody guesses. The salt is text, so that EMQX takes it as well.
 */
export function passwordEntry(password: string, salt = randomBytes(9).toString('base64url')): string {
  const hash = pbkdf2Sync(password, salt, iterations, hashBytes, 'sha512')
  return `$7$${iterations}$${Buffer.from(salt).toString('base64')}$${hash.toString('base64')}`
}

const entryPattern = /^\$7\$101\$([A-Za-z0-9+/=]+)\$([A-Za-z0-9+/=]+)$/

/** Names and entries of a password file; lines that are none are left out. */
export function parsePasswords(text: string): Map<string, string> {
  const entries = new Map<string, string>()
  for (const line of text.split('\n')) {
    const colon = line.indexOf(':')
    if (colon > 0 && entryPattern.test(line.slice(colon + 1))) entries.set(line.slice(0, colon), line.slice(colon + 1))
  }
  return entries
}

export const passwordFile = (entries: ReadonlyMap<string, string>): string => [...entries].map(([name, entry]) => `${name}:${entry}\n`).join('')

/** For the built-in database of EMQX, with `password_hash_algorithm` pbkdf2, sha512, 101 rounds, 64 bytes. */
export const emqxUsers = (entries: ReadonlyMap<string, string>): string =>
  ['user_id,password_hash,salt,is_superuser']
    .concat(
      [...entries].map(([name, entry]) => {
        const [, salt = '', hash = ''] = entryPattern.exec(entry) ?? []
        return `${name},${Buffer.from(hash, 'base64').toString('hex')},${Buffer.from(salt, 'base64').toString()},false`
      }),
    )
    .join('\n')
    .concat('\n')

export interface PasswordPlan {
  entries: Map<string, string>
  /** Passwords that were made just now, and are known only here. */
  made: { name: string; password: string }[]
  gone: string[]
}

/** Keeps whoever is known, makes passwords for who is new or asked for, and leaves out who is gone. */
export function planPasswords(users: readonly BrokerUser[], present: ReadonlyMap<string, string>, rotate: ReadonlySet<string>): PasswordPlan {
  const strangers = [...rotate].filter((name) => !users.some((u) => u.name === name))
  if (strangers.length > 0) throw new BrokerUserError(`nobody of that name connects: ${strangers.join(', ')}`)
  const plan: PasswordPlan = { entries: new Map(), made: [], gone: [...present.keys()].filter((name) => !users.some((u) => u.name === name)) }
  for (const { name } of users) {
    const known = rotate.has(name) ? undefined : present.get(name)
    const password = randomBytes(18).toString('base64url')
    if (known === undefined) plan.made.push({ name, password })
    plan.entries.set(name, known ?? passwordEntry(password))
  }
  return plan
}
