import { committedChannel, parseCommitted } from '@yiping/db'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import pg from 'pg'
import { startPart } from '../city/start-part.ts'
import type { PlannedMessage } from '../ingest/plan.ts'
import { quantile, seeded } from '../measure/numbers.ts'
import { scriptFile, startIngestPart } from '../real/drain.ts'
import { sendLive } from '../real/live-load.ts'
import { type LivePoint, readingOf } from '../real/live-plan.ts'
import { startMosquitto } from '../real/mosquitto.ts'
import { checkBalance, countReadings } from '../real/server.ts'
import { withScope } from '../scope.ts'
import { until } from '../until.ts'
import { onServer } from './on-server.ts'

const devices = 5000
const perDevice = 288
const stepMs = 300_000
/** Older than what counts as live, all of it. */
const endsBeforeMs = 20 * 60_000
const live = { rate: 1000, perMessage: 1, seconds: 75 }
/** Live readings alone, and a little longer for connections and code to warm up. */
const aloneMs = 15_000
const warmMs = 3000

/** A day of every device, a message each, as they send when the network is back. */
function burst(points: readonly LivePoint[], now: number, seed: number): PlannedMessage[] {
  const random = seeded(seed)
  return points.map((point) => {
    const samples: string[] = []
    for (let i = perDevice; i > 0; i -= 1)
      samples.push(`{"ts":${now - endsBeforeMs - i * stepMs},"values":{"${point.metric}":${readingOf(point, random).value}}}`)
    return { topic: point.topic, payload: `[${samples.join(',')}]` }
  })
}

/** What a day of back-fill from 5,000 devices does to live readings, and how soon the roll-ups are right again. */
export const backFill = onServer({
  name: 'back-fill',
  about: `${devices} devices send 24 h at once: the delay of live readings meanwhile, and the repair of the roll-ups`,
  async run(bench, _scope, server, points) {
    if (points.length < devices + 1000) throw new Error(`${points.length} points are too few`)
    const late = points.slice(0, devices)
    const others = points.slice(devices)
    return withScope(async (inner) => {
      const database = await server.fresh(inner)
      const broker = await startMosquitto(bench, inner)
      await startIngestPart(bench, inner, { database, broker })
      const listener = new pg.Client({ connectionString: database.url })
      await listener.connect()
      inner.defer('listener', () => listener.end())
      const isLive = new Set(others.map((p) => p.id))
      const waits: { at: number; wait: number }[] = []
      listener.on('notification', ({ payload }) => {
        if (!payload) return
        const now = Date.now()
        for (const r of parseCommitted(payload)) if (isLive.has(r.pointId)) waits.push({ at: r.observedAt, wait: now - r.observedAt })
      })
      await listener.query(`listen ${committedChannel}`)

      const file = join(await bench.folder(inner), 'burst.json')
      await writeFile(file, JSON.stringify(burst(late, Date.now(), bench.options.seed)))
      const sender = await startPart(inner, scriptFile('send-file.ts'), { args: [new URL(broker.url).port, file] })
      const from = Date.now()
      const sending = sendLive(bench, inner, broker, others, live)
      await new Promise((resolve) => setTimeout(resolve, aloneMs))
      const burstAt = Date.now()
      const taken = sender.says('sent')
      sender.tell('go')
      await taken
      const backFillRows = async (): Promise<number> =>
        Number(
          (await database.query('select count(*)::int as n from reading where observed_at < to_timestamp($1::float8 / 1000)', [burstAt - endsBeforeMs / 2]))[0]
            ?.n,
        )
      await until('the back-fill is in the table', async () => (await backFillRows()) >= devices * perDevice, 300_000, 250)
      const storedAt = Date.now()
      bench.say(`${devices * perDevice} late rows stored in ${((storedAt - burstAt) / 1000).toFixed(1)} s`)
      await until('no range is dirty', async () => Number((await database.query('select count(*)::int as n from dirty_range'))[0]?.n) === 0, 600_000, 250)
      const repairedAt = Date.now()
      const sent = await sending
      await until('everything sent is in the table', async () => (await countReadings(database)) >= sent + devices * perDevice, 120_000, 100)
      await checkBalance(database, sent + devices * perDevice)
      // The roll-ups, asked without what TimescaleDB adds from the raw rows, hold every late row.
      await database.query('alter materialized view reading_1h set (timescaledb.materialized_only = true)')
      const rolled = Number(
        (await database.query('select sum(count)::float8 as n from reading_1h where point_id = any($1::int[])', [late.map((p) => p.id)]))[0]?.n,
      )
      if (rolled !== devices * perDevice) throw new Error(`the hours hold ${rolled} of ${devices * perDevice} late readings`)
      const alone = waits.filter((w) => w.at > from + warmMs && w.at < burstAt).map((w) => w.wait)
      const during = waits.filter((w) => w.at >= burstAt && w.at < storedAt).map((w) => w.wait)
      const repairing = waits.filter((w) => w.at >= storedAt && w.at < repairedAt).map((w) => w.wait)
      return {
        rows: [
          {
            figure: 'back-fill: live reading to committed row p95 meanwhile',
            measured: quantile(during, 0.95),
            unit: 'ms',
            decimals: 0,
            goal: { atMost: 500 },
            reference: { value: quantile(alone, 0.95), what: 'the same before the back-fill came' },
          },
          {
            figure: 'back-fill: last late row to roll-ups repaired',
            measured: (repairedAt - storedAt) / 1000,
            unit: 's',
            decimals: 1,
            goal: { atMost: 60 },
            reference: { value: (storedAt - burstAt) / 1000, what: 'storing the late rows' },
          },
        ],
        notes: [
          `back-fill: ${devices * perDevice} late rows in ${devices} messages beside ${live.rate} live readings/s; live p95 ${quantile(alone, 0.95)} ms before, ${quantile(during, 0.95)} ms meanwhile (slowest ${quantile(during, 1)} ms)${repairing.length > 0 ? `, ${quantile(repairing, 0.95)} ms during the repair` : ''}; all rows counted, the account closes, the hours hold every late row`,
        ],
        detail: { alone: alone.length, during: during.length, storedMs: storedAt - burstAt, repairedMs: repairedAt - storedAt },
      }
    })
  },
})
