import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { type AlarmRule, buildTopic, defaultRules } from '@yiping/contract'
import { createPool, type RegisteredStation, seedAlarmRules, type StoreOutcome } from '@yiping/db'
import { PointAlarms } from '../../ingest/src/alarm/point-alarms.ts'
import { buildBatch } from '../../ingest/src/batch/build-batch.ts'
import { decodeMessage } from '../../ingest/src/decode/decode-message.ts'
import { AutomaticChecks } from '../../ingest/src/validate/checks.ts'
import { buildRegistry } from '../../ingest/src/validate/registry.ts'
import { type Ticket, toTicket } from '../../ingest/src/validate/ticket.ts'
import { WaitingRoom } from '../../ingest/src/validate/waiting-room.ts'
import { freshDatabase, makeTemplate } from '../ingest/fresh-database.ts'
import { median, seeded } from '../measure/numbers.ts'
import type { Figure } from './figure.ts'

const points = 100_000
const perStation = 10
const perBatch = 2000
const batches = 250
const rounds = 5
const stored: StoreOutcome = { applied: true, stored: 0, duplicate: 0, conflict: 0, latestMoved: 0, late: 0, amiss: 0 }

/** Four rules on one metric: two ladders, a rate, and a value that stands still; and a fifth for what is normal. */
function fourRules(): AlarmRule[] {
  const chosen = ['ws.pressure.low', 'ws.pressure_high.high', 'ws.pressure.flat'].map((code) => {
    const rule = defaultRules.find((r) => r.code === code)
    if (rule === undefined) throw new Error(`no rule ${code}`)
    return rule
  })
  const [low] = chosen
  if (low === undefined) throw new Error('no rules')
  const rate: AlarmRule = {
    ...low,
    code: 'ws.pressure.rate',
    kind: 'rate',
    levels: [
      { severity: 3, op: 'outside', value: 0.05, unit: 'MPa/min', holdSamples: 2, deadband: 0.01, source: 'bench', evidence: 'J', sourceVerified: false },
    ],
  }
  return [...chosen, rate]
}

/** What the alarm engine adds to a reading, beside what it costs to take one apart and to check it; and what 100,000 points take. */
export const alarmEngine: Figure = {
  name: 'alarm-engine',
  about: 'alarm rules: time per reading and memory of 100,000 points with 4 rules each',
  async run(bench, scope) {
    const template = await makeTemplate(bench, scope)
    const database = await freshDatabase(bench, scope, template)
    const pool = createPool({ connectionString: database.url, applicationName: 'bench' })
    scope.defer('pool', () => pool.end())
    const rules = fourRules()
    await pool.query('delete from alarm_rule')
    await seedAlarmRules(pool, rules)
    const stations: RegisteredStation[] = Array.from({ length: points / perStation }, (_, i) => ({
      id: i,
      code: `S-${i}`,
      name: '',
      kind: 'ws_pressure',
      domain: 'water',
      district: null,
      lon: null,
      lat: null,
      gateway: null,
      origin: null,
      maintenance: false,
      owner: null,
      feeder: null,
      createdAt: 0,
      // One metric has four rules here: ten points of a station stand for ten stations.
      points: Array.from({ length: perStation }, (_, k) => ({ id: 1 + i * perStation + k, metric: 'ws.pressure', intervalS: 10 })),
    }))
    setFlagsFromString('--expose-gc')
    const collect: unknown = runInNewContext('gc')
    const heap = (): number => {
      if (typeof collect === 'function') for (let i = 0; i < 3; i += 1) collect()
      const { heapUsed, arrayBuffers } = process.memoryUsage()
      return (heapUsed + arrayBuffers) / 2 ** 20
    }
    let clock = Date.UTC(2026, 0, 5, 2)
    /** Of each batch: the median is that of turns in which nothing else had the processor. */
    let evaluatedMs: number[] = []
    let failed: unknown = null
    const begin = (): PointAlarms => {
      const engine = new PointAlarms({
        db: pool,
        zone: 'Asia/Shanghai',
        now: () => clock,
        leads: () => true,
        onFailed: (error) => {
          failed ??= error
        },
      })
      engine.use(stations)
      return engine
    }
    const random = seeded(bench.options.seed)
    /** `level`: around it, in MPa. In no order that memory has. */
    const ticket = (n: number, from: number, level: number, jitter: number): Ticket => ({
      source: 'gateway',
      receivedAt: clock,
      received: n,
      late: false,
      readings: Array.from({ length: n }, (_, i) => ({
        pointId: 1 + (((from + i) * 7919) % points),
        observedAt: clock - Math.floor(random() * 500),
        value: level + random() * jitter,
        quality: 0,
      })),
      rejections: [],
      held: [],
      sightings: [],
      links: [],
    })
    let opened = 0
    const feed = async (engine: PointAlarms, count: number, level = 0.3, jitter = 0.02): Promise<void> => {
      for (let b = 0; b < count; b += 1) {
        clock += 1000
        const batch = buildBatch({ stream: 's', seq: b + 1 }, [ticket(perBatch, b * perBatch, level, jitter)])
        await engine.turn(batch, (changes) => {
          opened += changes?.opened.length ?? 0
          if (engine.lastMs !== null) evaluatedMs.push(engine.lastMs)
          return Promise.resolve(stored)
        })
      }
    }

    const before = heap()
    const engine = begin()
    await feed(engine, points / perBatch)
    const mib = heap() - before
    bench.say(`${points} points with ${rules.length} rules: ${mib.toFixed(0)} MiB`)
    const each: number[] = []
    for (let round = 0; round < rounds; round += 1) {
      evaluatedMs = []
      await feed(engine, batches)
      each.push((median(evaluatedMs) * 1000) / perBatch)
    }
    if (opened > 0) throw new Error(`${opened} alarms of readings within their limits`)
    // And when everything is beyond its limits: alarms are open, and stay so.
    const everybody = points / perBatch
    await feed(engine, 3 * everybody, 0.12, 0)
    if (opened < points) throw new Error(`${opened} alarms of ${points} points beyond their limits`)
    evaluatedMs = []
    await feed(engine, everybody, 0.12, 0)
    const beyond = (median(evaluatedMs) * 1000) / perBatch
    await engine.stop()
    if (failed !== null) throw new Error('the engine failed', { cause: failed })

    // The same kind of readings as messages of one, and of a hundred from a gateway.
    const registry = buildRegistry(stations.map((s) => ({ ...s, points: s.points.slice(0, 1) })))
    const known = stations.map((s) => s.code)
    const messages = (per: number): { topic: string; payload: Buffer }[] =>
      Array.from({ length: 50_000 / per }, (_, m) => {
        const value = (): { ts: number; values: Record<string, number> } => ({
          ts: clock,
          values: { 'ws.pressure': Number((0.3 + random() * 0.02).toFixed(4)) },
        })
        if (per === 1)
          return {
            topic: buildTopic({ kind: 'telemetry', domain: 'water', station: known[m % known.length] ?? '' }),
            payload: Buffer.from(JSON.stringify(value())),
          }
        return {
          topic: buildTopic({ kind: 'gateway' }),
          payload: Buffer.from(
            JSON.stringify(Object.fromEntries(Array.from({ length: per }, (__, i) => [known[(m * per + i) % known.length] ?? '', [value()]]))),
          ),
        }
      })
    const takeApart = (per: number): number => {
      const times: number[] = []
      for (let round = 0; round < rounds; round += 1) {
        const list = messages(per)
        const checks = new AutomaticChecks()
        const room = new WaitingRoom()
        const some = 1000 / per
        for (let i = 0; i < list.length; i += some) {
          const started = performance.now()
          let readings = 0
          for (const { topic, payload } of list.slice(i, i + some))
            readings += toTicket({ topic, payload, receivedAt: clock }, decodeMessage(topic, payload), registry, room, 86_400_000, checks).readings.length
          if (readings !== 1000) throw new Error(`${readings} readings of 1000`)
          times.push(performance.now() - started)
        }
      }
      return median(times)
    }
    const single = takeApart(1)
    const gateway = takeApart(100)
    return {
      rows: [
        {
          figure: 'alarm-engine: evaluation of a reading with 4 rules',
          measured: median(each),
          unit: 'µs',
          decimals: 2,
          goal: { atMost: 0.4 },
          reference: { value: gateway, what: 'taking the same reading apart and checking it, of a message of 100' },
        },
        {
          figure: 'alarm-engine: memory of 100,000 points with 4 rules',
          measured: mib,
          unit: 'MiB',
          decimals: 0,
          goal: { atMost: 200 },
          reference: { value: before, what: 'the process before' },
        },
      ],
      notes: [
        `alarm-engine: taking a message of one reading apart and checking it costs ${single.toFixed(2)} µs`,
        `alarm-engine: a reading of a point whose alarm is open costs ${beyond.toFixed(2)} µs`,
      ],
      detail: { each, beyond, single, gateway, mib },
    }
  },
}
