import { createServer, type Server } from 'node:http'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { buildTopic } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { createPool, type Pool, seedStations, traceOfLog, Tracing } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import mqtt from 'mqtt'
import { pino } from 'pino'
import Type from 'typebox'
import { Value } from 'typebox/value'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type App, buildApp } from '../src/app.ts'
import { startProcess } from '../start/process.ts'
import type { Running } from '../start/service.ts'
import { testConfig } from './config.ts'
import { asAdmin, letTestsIn } from './signed-in.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

const SpanSent = Type.Object({
  traceId: Type.String(),
  spanId: Type.String(),
  parentSpanId: Type.Optional(Type.String()),
  name: Type.String(),
  kind: Type.Integer(),
  attributes: Type.Array(Type.Object({ key: Type.String(), value: Type.Record(Type.String(), Type.Unknown()) })),
  status: Type.Optional(Type.Object({ code: Type.Optional(Type.Integer()) })),
})
const Attributes = Type.Index(SpanSent, ['attributes'])
const Sent = Type.Object({
  resourceSpans: Type.Array(
    Type.Object({ resource: Type.Object({ attributes: Attributes }), scopeSpans: Type.Array(Type.Object({ spans: Type.Array(SpanSent) })) }),
  ),
})
type Span = Type.Static<typeof SpanSent> & { service: unknown }
const attributeOf = (attributes: Span['attributes'], key: string): unknown => Object.values(attributes.find((a) => a.key === key)?.value ?? {})[0]

/** A collector: keeps what comes. */
const spans: Span[] = []
const collector: Server = createServer((request, response) => {
  const chunks: Buffer[] = []
  request.on('data', (chunk: Buffer) => chunks.push(chunk))
  request.on('end', () => {
    if (request.url === '/v1/traces')
      for (const { resource, scopeSpans } of Value.Parse(Sent, JSON.parse(Buffer.concat(chunks).toString())).resourceSpans)
        for (const scope of scopeSpans) for (const span of scope.spans) spans.push({ ...span, service: attributeOf(resource.attributes, 'service.name') })
    response.statusCode = request.url?.startsWith('/refuses/') ? 400 : 200
    response.setHeader('content-type', 'application/json').end('{}')
  })
})

let database: TestDatabase
let pool: Pool
let folder: string
let tracing: Tracing
let app: App
let address: string
let endpoint: string
/** Lines of the log of the server. */
const log: Record<string, unknown>[] = []
const running: Running[] = []
const standard = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_BSP_SCHEDULE_DELAY'] as const

async function start(name: 'broker' | 'ingest' | 'server', env: Record<string, string>, flags: string[] = []): Promise<Record<string, unknown>> {
  let said: Record<string, unknown> = {}
  running.push(
    await startProcess({
      ...{
        name,
        flags,
        onLine: () => {},
        entry: join(root, { broker: 'ingest/dist/broker.js', ingest: 'ingest/dist/main.js', server: 'server/dist/main.js' }[name]),
      },
      env: { PATH: process.env.PATH, DATA_DIR: folder, ...env },
      onReady: (message) => {
        said = message
      },
    }),
  )
  return said
}
const below = (span: Span): Span[] => spans.filter((s) => s.parentSpanId === span.spanId && s.traceId === span.traceId)
const spanNamed = (name: string, more: (span: Span) => boolean = () => true): Promise<Span> =>
  until(`the span ${name}`, () => spans.find((s) => s.name === name && more(s)) ?? null)

beforeAll(async () => {
  await new Promise<void>((resolve) => collector.listen(0, '127.0.0.1', resolve))
  const at = collector.address()
  endpoint = `http://127.0.0.1:${typeof at === 'object' ? at?.port : 0}`
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  folder = await mkdtemp(join(tmpdir(), 'yiping-traces-'))
  const station = {
    kind: 'ws_pressure',
    domain: 'water' as const,
    district: '410105',
    lon: 113.7,
    lat: 34.8,
    gateway: null,
    origin: null,
    metrics: ['ws.pressure'],
  }
  await seedStations(pool, [{ ...station, code: 'WS-1', name: 'WS-1' }])
  await letTestsIn(database.url)
  for (const [name, value] of [
    [standard[0], endpoint],
    [standard[1], '50'],
  ] as const)
    process.env[name] = value
  tracing = await Tracing.start('yiping-server', 'test')
  const logger = pino({ level: 'info', mixin: traceOfLog(tracing) }, { write: (line: string) => void log.push(JSON.parse(line)) })
  app = await buildApp(testConfig(database.url), 'test', logger, Date.now, tracing)
  app.fastify.get('/broken', { config: { access: 'public' } }, async () => {
    throw new Error('broken for a test')
  })
  app.live.start()
  address = await app.fastify.listen({ host: '127.0.0.1', port: 0 })
  await until('loaded', () => app.live.loaded)
})
afterAll(async () => {
  for (const name of standard) delete process.env[name]
  for (const part of running.reverse()) await part.stop()
  await app?.stop()
  await tracing?.stop()
  await pool?.end()
  await database?.stop()
  collector.close()
  await rm(folder, { recursive: true, force: true })
})

describe('traces of the server', () => {
  const traceId = '4bf92f3577b34da6a3ce929d0e0e4736'

  it('go on from the one that asks, with a span for the request and one for each question to the database', async () => {
    const now = Date.now()
    const answer = await fetch(`${address}/api/v1/series?points=WS-1:ws.pressure&from=${now - 3_600_000}&to=${now}`, {
      headers: { ...asAdmin, traceparent: `00-${traceId}-00f067aa0ba902b7-01` },
    })
    expect(answer.status).toBe(200)
    const request = await spanNamed('GET /api/v1/series')
    expect([request.traceId, request.parentSpanId, request.kind, request.service]).toEqual([traceId, '00f067aa0ba902b7', 2, 'yiping-server'])
    expect(attributeOf(request.attributes, 'http.route')).toBe('/api/v1/series')
    expect(attributeOf(request.attributes, 'http.response.status_code')).toBe(200)
    expect(attributeOf(request.attributes, 'yiping.request_id')).toMatch(/^[0-9a-f-]{36}$/)
    await spanNamed('loadSeries', (s) => s.traceId === traceId)
    const questions = below(request)
    expect(questions.map((s) => s.name)).toEqual(expect.arrayContaining(['findToken', 'loadSeries']))
    for (const s of questions) expect([s.kind, attributeOf(s.attributes, 'db.system.name')]).toEqual([3, 'postgresql'])
    // Neither what was asked for nor who asks.
    expect(JSON.stringify([request, ...questions])).not.toMatch(/WS-1|yp_of|Bearer/)
  })

  it('have one also for rows that are copied out', async () => {
    const answer = await fetch(`${address}/api/v1/history/districts?metrics=ws.pressure`, { headers: asAdmin })
    expect(answer.status).toBe(200)
    const request = await spanNamed('GET /api/v1/history/districts')
    const copy = await spanNamed('loadMetric', (s) => s.traceId === request.traceId)
    expect(attributeOf(copy.attributes, 'db.operation.name')).toBe('copy')
    expect(copy.status?.code).not.toBe(2)
  })

  it('hold together where a body had to be read first, and begin by themselves where nobody asks for one', async () => {
    await fetch(`${address}/api/v1/auth/login`, {
      ...{ method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify({ username: 'nobody-here', password: 'wrong for ever' }) },
    })
    const request = await spanNamed('POST /api/v1/auth/login')
    expect([request.parentSpanId ?? '', request.traceId === traceId]).toEqual(['', false])
    await until('its questions', () => below(request).some((s) => s.name === 'findAccount') && below(request).some((s) => s.name === 'addAudit'))
    expect(JSON.stringify(below(request))).not.toContain('nobody-here')
  })

  it('are named in the log beside the id of the request', async () => {
    const answer = await fetch(`${address}/broken`, { headers: { traceparent: `00-${traceId}-00f067aa0ba902b8-01` } })
    expect(answer.status).toBe(500)
    const request = await spanNamed('GET /broken')
    expect(request.status?.code).toBe(2)
    const line = log.find((l) => JSON.stringify(l).includes('broken for a test'))
    expect(line).toMatchObject({ level: 50, reqId: attributeOf(request.attributes, 'yiping.request_id'), trace_id: traceId, span_id: request.spanId })
  })

  it('say nothing of what machines ask every few seconds', async () => {
    await fetch(`${address}/healthz`)
    await fetch(`${address}/api/v1/openapi.json`)
    await spanNamed('GET /api/v1/openapi.json')
    expect(spans.filter((s) => s.name.includes('healthz'))).toEqual([])
  })
})

it('the log of the server names each request by an id of its own, without traces too', async () => {
  const lines: { reqId?: string }[] = []
  const alone = await buildApp(testConfig(database.url), 'test', pino({ level: 'info' }, { write: (line: string) => void lines.push(JSON.parse(line)) }))
  alone.fastify.get('/broken', { config: { access: 'public' } }, async () => {
    throw new Error('broken for a test')
  })
  for (let i = 0; i < 2; i += 1) expect((await alone.fastify.inject('/broken')).statusCode).toBe(500)
  await alone.stop()
  const ids = lines.map((l) => l.reqId)
  expect(ids).toEqual([expect.stringMatching(/^[0-9a-f-]{36}$/), expect.stringMatching(/^[0-9a-f-]{36}$/)])
  expect(new Set(ids).size).toBe(2)
  expect(JSON.stringify(lines)).not.toContain('trace_id')
})

describe('traces of ingest, and none', () => {
  it('have a span for what is committed together and not for each message, with the question to the database below', async () => {
    const { port } = await start('broker', { MQTT_PORT: '0' })
    const mqttUrl = `mqtt://127.0.0.1:${String(port)}`
    await start('ingest', {
      DATABASE_URL: database.url,
      MQTT_URL: mqttUrl,
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_BSP_SCHEDULE_DELAY: '50',
      OTEL_SERVICE_NAME: 'intake',
    })
    const device = await mqtt.connectAsync(mqttUrl, { protocolVersion: 4 })
    const ts = Date.now()
    const values = Array.from({ length: 40 }, (_, i) => ({ ts: ts - i, values: { 'ws.pressure': 0.3 } }))
    await device.publishAsync(buildTopic({ kind: 'telemetry', domain: 'water', station: 'WS-1' }), JSON.stringify(values), { qos: 1 })
    const commit = await spanNamed('ingest.commit')
    await device.endAsync()
    expect([commit.service, attributeOf(commit.attributes, 'yiping.readings'), attributeOf(commit.attributes, 'yiping.stored')]).toEqual(['intake', 40, 40])
    expect(attributeOf(commit.attributes, 'yiping.queue_age_ms')).toBeGreaterThanOrEqual(0)
    expect(attributeOf(commit.attributes, 'yiping.late')).toBe(false)
    const question = await until('the question', () => below(commit).find((s) => /storeBatch|copyBatch/.test(s.name)) ?? null)
    expect(question.kind).toBe(3)
    expect(spans.filter((s) => s.name === 'ingest.commit')).toHaveLength(1)
  })

  it.each([
    ['is away', () => 'http://127.0.0.1:9', 0],
    ['refuses them, which is told once', () => `${endpoint}/refuses`, 1],
  ])('go without harm to anybody to a collector that %s', async (_, to, told) => {
    process.env[standard[0]] = to()
    const faults: string[] = []
    const unheard = await Tracing.start('yiping-server', 'test', (why) => faults.push(why))
    process.env[standard[0]] = endpoint
    const other = await buildApp(testConfig(database.url), 'test', pino({ level: 'silent' }), Date.now, unheard)
    for (let i = 0; i < 20; i += 1) expect((await other.fastify.inject({ url: '/api/v1/openapi.json' })).statusCode).toBe(200)
    await until('somebody is told', () => faults.length >= told)
    await other.stop()
    await unheard.stop()
    expect(faults.length).toBeLessThanOrEqual(1)
  })

  it('load none of the packages where no collector is named', async () => {
    const [probe, loaded] = [join(folder, 'probe.cjs'), join(folder, 'loaded.json')]
    await writeFile(
      probe,
      `process.on('exit', () => require('node:fs').writeFileSync(process.env.LOADED, JSON.stringify(Object.keys(require('node:module')._cache).filter((f) => f.includes('@opentelemetry')))))`,
    )
    await start('server', { DATABASE_URL: database.url, PORT: '0', LOADED: loaded }, ['--require', probe])
    await running.pop()?.stop()
    const names = Value.Parse(Type.Array(Type.String()), JSON.parse(await readFile(loaded, 'utf8')))
    // Of the interface alone prom-client has need.
    expect(names).not.toEqual([])
    expect(names.filter((f) => !f.includes(join('@opentelemetry', 'api')))).toEqual([])
  })
})
