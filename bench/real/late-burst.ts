import { committedChannel, lateForRollupsMs, parseCommitted } from '@yiping/db'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import type { Bench } from '../bench.ts'
import { startPart } from '../city/start-part.ts'
import type { PlannedMessage } from '../ingest/plan.ts'
import { seeded } from '../measure/numbers.ts'
import type { Scope } from '../scope.ts'
import { until } from '../until.ts'
import { scriptFile, startIngestPart } from './drain.ts'
import { sendLive } from './live-load.ts'
import { type LivePoint, readingOf } from './live-plan.ts'
import { startMosquitto } from './mosquitto.ts'
import { checkBalance, countReadings, type RealDatabase } from './server.ts'

const perDevice = 288
const stepMs = 300_000
/** Live readings alone, and a little longer for connections and code to warm up. */
const aloneMs = 15_000
const warmMs = 3000
/** Devices whose rows are counted while the others' are on their way. */
const lookedAt = 50
const repairWithinMs = 900_000
const hourMs = 3_600_000

export interface LateBurst {
  rows: number
  /** Of live readings, from their own time to their committed row, ms: before, while the burst is stored, and while it is repaired. */
  alone: number[]
  during: number[]
  repairing: number[]
  storedMs: number
  repairedMs: number
}

/** A day of every device up to `end`, a message each, as they send when the network is back. */
function burst(points: readonly LivePoint[], end: number, seed: number): PlannedMessage[] {
  const random = seeded(seed)
  return points.map((point) => {
    const samples: string[] = []
    for (let i = perDevice; i > 0; i -= 1) samples.push(`{"ts":${end - i * stepMs},"values":{"${point.metric}":${readingOf(point, random).value}}}`)
    return { topic: point.topic, payload: `[${samples.join(',')}]` }
  })
}

/** Devices send the day before `endOf` at once through broker and ingest, beside live readings; done when every roll-up has them. */
export async function lateBurst(
  bench: Bench,
  scope: Scope,
  database: RealDatabase,
  options: {
    late: readonly LivePoint[]
    others: readonly LivePoint[]
    endOf: (now: number) => number
    live: { rate: number; perMessage: number; seconds: number }
  },
): Promise<LateBurst> {
  const { late, others, endOf, live } = options
  const rows = late.length * perDevice
  const broker = await startMosquitto(bench, scope)
  await startIngestPart(bench, scope, { database, broker })
  const listener = new pg.Client({ connectionString: database.url })
  await listener.connect()
  scope.defer('listener', () => listener.end())
  const isLive = new Set(others.map((p) => p.id))
  const waits: { at: number; wait: number }[] = []
  listener.on('notification', ({ payload }) => {
    if (!payload) return
    const now = Date.now()
    for (const r of parseCommitted(payload)) if (isLive.has(r.pointId)) waits.push({ at: r.observedAt, wait: now - r.observedAt })
  })
  await listener.query(`listen ${committedChannel}`)

  const end = endOf(Date.now())
  const begin = end - perDevice * stepMs
  const all = late.map((p) => p.id)
  // Sent last, and so stored last, or nearly.
  const last = all.slice(-lookedAt)
  const held = await countReadings(database)
  const lateRows = async (ids: readonly number[], table: string, time: string, count: string, before = Math.ceil(end / hourMs) * hourMs): Promise<number> =>
    Number(
      (
        await database.query(
          `select sum(${count})::float8 as n from ${table} where point_id = any($1::int[]) and ${time} >= to_timestamp($2::float8 / 1000) and ${time} < to_timestamp($3::float8 / 1000)`,
          [ids, Math.floor(begin / hourMs) * hourMs, before],
        )
      )[0]?.n,
    )
  const file = join(await bench.folder(scope), 'burst.json')
  await writeFile(file, JSON.stringify(burst(late, end, bench.options.seed)))
  const sender = await startPart(scope, scriptFile('send-file.ts'), { args: [new URL(broker.url).port, file] })
  const raw = (ids: readonly number[]): Promise<number> => lateRows(ids, 'reading', 'observed_at', '1').then((n) => n || 0)
  const [there, thereLast] = [await raw(all), await raw(last)]
  const from = Date.now()
  const sending = sendLive(bench, scope, broker, others, live)
  await new Promise((resolve) => setTimeout(resolve, aloneMs))
  const burstAt = Date.now()
  const taken = sender.says('sent')
  sender.tell('go')
  await taken
  // To count all of them again and again would take the time of the database that live readings are measured in.
  await until('the last of the back-fill is in the table', async () => (await raw(last)) >= thereLast + last.length * perDevice, 300_000, 250)
  await until('the back-fill is in the table', async () => (await raw(all)) >= there + rows, 60_000, 250)
  const storedAt = Date.now()
  bench.say(`${rows} late rows stored in ${((storedAt - burstAt) / 1000).toFixed(1)} s`)
  await until('no range is dirty', async () => Number((await database.query('select count(*)::int as n from dirty_range'))[0]?.n) === 0, repairWithinMs, 250)
  const repairedAt = Date.now()
  const sent = await sending
  await until('everything sent is in the table', async () => (await countReadings(database)) >= held + sent + rows, 120_000, 100)
  await checkBalance(database, sent + rows)
  // The roll-ups, asked without what TimescaleDB adds from the raw rows, hold every late row of the hours that were over by then.
  const over = Math.min(Math.ceil(end / hourMs), Math.floor((storedAt - lateForRollupsMs) / hourMs)) * hourMs
  for (const view of ['reading_15m', 'reading_1h']) {
    await database.query(`alter materialized view ${view} set (timescaledb.materialized_only = true)`)
    const [rolled, single] = [await lateRows(all, view, 'bucket', 'count + bad', over), await lateRows(all, 'reading', 'observed_at', '1', over)]
    if (rolled !== single) throw new Error(`${view} holds ${rolled} of ${single} readings`)
  }
  const between = (a: number, b: number): number[] => waits.filter((w) => w.at >= a && w.at < b).map((w) => w.wait)
  return {
    rows,
    alone: between(from + warmMs, burstAt),
    during: between(burstAt, storedAt),
    repairing: between(storedAt, repairedAt),
    storedMs: storedAt - burstAt,
    repairedMs: repairedAt - storedAt,
  }
}
