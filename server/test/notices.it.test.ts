import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createPool, type Pool } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { SMTPServer } from 'smtp-server'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { createMailer } from '../src/notify/email.ts'
import { Notifier, type NotifierOptions } from '../src/notify/notifier.ts'
import { sign, signatureHeader } from '../src/notify/webhook.ts'
import { addDutyShift, addNoticeRoute, loadNoticeRoutes } from '@yiping/db'

let database: TestDatabase
let pool: Pool
let receiver: Server
let received: { headers: Record<string, unknown>; body: string }[] = []
let answers: number[] = []
let mails: string[] = []
let smtp: SMTPServer
let url: string
let skewMs = 0
const now = (): number => Date.now() + skewMs
const secret = 'sixteen letters or more'
const stoppers: (() => Promise<void>)[] = []

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  receiver = createServer((request, response) => {
    let body = ''
    request.on('data', (chunk: Buffer) => {
      body += chunk.toString()
    })
    request.on('end', () => {
      received.push({ headers: request.headers, body })
      response.writeHead(answers.shift() ?? 204).end()
    })
  })
  receiver.listen(0, '127.0.0.1')
  await once(receiver, 'listening')
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/alarms`
  smtp = new SMTPServer({
    authOptional: true,
    disabledCommands: ['STARTTLS'],
    onData(stream, _session, done) {
      let mail = ''
      stream.on('data', (chunk: Buffer) => {
        mail += chunk.toString()
      })
      stream.on('end', () => {
        mails.push(mail)
        done()
      })
    },
  })
  smtp.listen(0, '127.0.0.1')
  await once(smtp.server, 'listening')
})
afterAll(async () => {
  for (const stop of stoppers) await stop()
  await pool.end()
  await database.stop()
  receiver.close()
  await new Promise<void>((resolve) => smtp.close(resolve))
})
beforeEach(async () => {
  for (const table of ['notice_route', 'duty_shift']) await pool.query(`delete from ${table}`)
  await pool.query('update alarm_event set noticed = true')
  ;[received, mails, answers, skewMs] = [[], [], [], 0]
})

function notifier(options: Partial<NotifierOptions> = {}): Notifier {
  const made = new Notifier({
    pool,
    mailer: createMailer(`smtp://127.0.0.1:${(smtp.server.address() as AddressInfo).port}`, 'wall@city.example', 5000),
    zone: 'Asia/Shanghai',
    now,
    timeoutMs: 2000,
    retryMs: [0, 0],
    onSent: () => {},
    onFailed: () => {},
    ...options,
  })
  stoppers.push(() => made.stop())
  return made
}
let alarms = 0
/** An alarm that rings; answers its id. */
async function ring(of: { severity?: number; domain?: string | null; subject?: string } = {}): Promise<string> {
  alarms += 1
  const id = `alarm-${alarms}`
  const { severity = 2, domain = 'water', subject = `S-${alarms}:ws.pressure` } = of
  await pool.query(
    `insert into alarm (id, rule, rule_version, kind, subject, domain, severity, worst, active_at, rang_at, value, limit_value, unit)
     values ($1, 'ws.pressure.low', 1, 'limit', $2, $3, $4, $4, now(), now(), 0.12, 0.14, 'MPa')`,
    [id, subject, domain, severity],
  )
  await pool.query(`insert into alarm_event (alarm, at, kind, severity, ring) values ($1, now(), 'activated', $2, true)`, [id, severity])
  return id
}
const webhook = {
  name: 'desk',
  channel: 'webhook',
  secret,
  domains: [] as string[],
  districts: [] as string[],
  severities: [] as number[],
  escalation: 0,
  active: true,
} as const
const alarmsIn = (body: string): string[] => (JSON.parse(body) as { alarms: { id: string }[] }).alarms.map((a) => a.id)

describe('people are told', () => {
  it('by a signed webhook, once, of what their route lets through', async () => {
    await addNoticeRoute(pool, { ...webhook, target: url, severities: [1, 2] })
    const id = await ring()
    await ring({ severity: 4 })
    const one = notifier()
    await one.run()
    await one.run()
    expect(received.map((r) => alarmsIn(r.body))).toEqual([[id]])
    const [{ headers, body } = { headers: {}, body: '' }] = received
    const signature = String(headers[signatureHeader])
    expect(signature).toBe(sign(body, secret, Number(/t=(\d+)/.exec(signature)?.[1]) * 1000))
    expect(headers['idempotency-key']).toBe((JSON.parse(body) as { id: string }).id)
    expect(JSON.parse(body)).toMatchObject({ alarms: [{ id, severity: 2, value: 0.12, limit: 0.14, unit: 'MPa', state: 'unacked_active' }] })
    expect((await loadNoticeRoutes(pool))[0]).toMatchObject({ pending: 0, lastError: null })
  })

  it('again with the same key when the receiver refuses, until it takes it', async () => {
    await addNoticeRoute(pool, { ...webhook, target: url })
    await ring()
    answers = [503, 500]
    const one = notifier()
    for (let i = 0; i < 3; i += 1) await one.run()
    await one.run()
    expect(received.length).toBe(3)
    expect(new Set(received.map((r) => r.headers['idempotency-key'])).size).toBe(1)
    const { rows } = await pool.query('select n.state, n.attempts from notice n join notice_route r on r.id = n.route')
    expect(rows).toEqual([{ state: 'sent', attempts: 3 }])
  })

  it('and it is said when the tries are used up', async () => {
    await addNoticeRoute(pool, { ...webhook, target: url })
    await ring()
    answers = [500, 500, 500, 204]
    const one = notifier()
    for (let i = 0; i < 4; i += 1) await one.run()
    expect(received.length).toBe(3)
    expect((await loadNoticeRoutes(pool))[0]).toMatchObject({ lastError: 'the receiver answered 500' })
    const { rows } = await pool.query('select n.state from notice n join notice_route r on r.id = n.route')
    expect(rows).toEqual([{ state: 'failed' }])
  })

  it('and those above when nobody acknowledges it', async () => {
    await addNoticeRoute(pool, { ...webhook, target: url })
    await addNoticeRoute(pool, { ...webhook, name: 'chief', target: `${url}/chief`, escalation: 1 })
    const id = await ring()
    const one = notifier()
    await one.run()
    expect(received.length).toBe(1)
    await pool.query('update alarm set escalation = 1 where id = $1', [id])
    await pool.query(`insert into alarm_event (alarm, at, kind, severity, ring) values ($1, now(), 'passed_up', 2, false)`, [id])
    await one.run()
    expect(received.map((r) => alarmsIn(r.body))).toEqual([[id], [id]])
    expect(JSON.parse(received[1]?.body ?? '{}')).toMatchObject({ alarms: [{ escalation: 1 }] })
  })

  it('never of what is shelved, suppressed or out of service', async () => {
    await addNoticeRoute(pool, { ...webhook, target: url })
    await ring({ subject: 'shelved:ws.pressure' })
    await pool.query(
      `insert into alarm_shelf (rule, subject, until, reason, by) values ('ws.pressure.low', 'shelved:ws.pressure', now() + interval '1 hour', '检修', '王')`,
    )
    await ring({ subject: 'out:ws.pressure' })
    await pool.query(`insert into alarm_out_of_service (rule, subject, reason, by) values ('*', 'out:ws.pressure', 'WO-1', '王')`)
    const suppressed = await ring()
    await pool.query(`update alarm set suppressed_by = 'maintenance' where id = $1`, [suppressed])
    const one = notifier()
    await one.run()
    await one.run()
    expect(received).toEqual([])
  })

  it('of a storm of 3,000 by a few messages that leave none out', async () => {
    await addNoticeRoute(pool, { ...webhook, target: url })
    await pool.query(
      `with made as (
         insert into alarm (id, rule, rule_version, kind, subject, domain, severity, worst, active_at)
         select 'storm-' || i, 'dr.ponding.high', 1, 'limit', 'DR-' || i || ':dr.ponding', 'drainage', 2, 2, now() from generate_series(1, 3000) i returning id)
       insert into alarm_event (alarm, at, kind, severity, ring) select id, now(), 'activated', 2, true from made`,
    )
    const one = notifier()
    for (let i = 0; i < 3; i += 1) await one.run()
    for (skewMs = 61_000; skewMs < 200_000; skewMs += 61_000) await one.run()
    expect(received.length).toBeLessThanOrEqual(6)
    const told = received.flatMap((r) => alarmsIn(r.body))
    expect(told.length).toBe(3000)
    expect(new Set(told).size).toBe(3000)
  })

  it('once each by two servers at the same time, and by one that starts again', async () => {
    await addNoticeRoute(pool, { ...webhook, target: url })
    const [a, b] = [notifier(), notifier()]
    const ids: string[] = []
    for (let i = 0; i < 3; i += 1) ids.push(await ring())
    await Promise.all([a.run(), b.run()])
    await Promise.all([a.run(), b.run()])
    await notifier().run()
    expect(received.flatMap((r) => alarmsIn(r.body)).toSorted()).toEqual(ids.toSorted())
  })

  it('by mail, to the address and to whoever is on duty', async () => {
    await addNoticeRoute(pool, { ...webhook, name: 'chief', channel: 'email', target: 'chief@city.example' })
    await addNoticeRoute(pool, { ...webhook, name: 'duty', channel: 'email', target: '@duty' })
    await addDutyShift(pool, { person: '王', email: 'wang@city.example', domains: ['water'], from: now() - 1000, to: now() + 3_600_000 })
    await addDutyShift(pool, { person: '李', email: 'li@city.example', domains: ['gas'], from: now() - 1000, to: now() + 3_600_000 })
    await ring({ severity: 1 })
    await notifier().run()
    expect(mails.map((m) => /^To: (.*)$/m.exec(m)?.[1]?.trim()).toSorted()).toEqual(['chief@city.example', 'wang@city.example'])
    expect(mails[0]).toMatch(/^Message-ID: <yiping-notice-\d+@city\.example>/m)
  })

  it('not by mail where no mail server is configured, and it says so', async () => {
    await addNoticeRoute(pool, { ...webhook, name: 'chief', channel: 'email', target: 'chief@city.example' })
    await ring()
    await notifier({ mailer: null }).run()
    expect((await loadNoticeRoutes(pool))[0]?.lastError).toContain('SMTP_URL')
  })
})
