import { committedChannel, parseCommitted } from '@yiping/db'
import { subscriptions } from '@yiping/contract'
import pg from 'pg'
import { startPart } from '../city/start-part.ts'
import { quantile } from '../measure/numbers.ts'
import { drainThroughIngest, scriptFile, startIngestPart } from '../real/drain.ts'
import { sendLive } from '../real/live-load.ts'
import { planLive } from '../real/live-plan.ts'
import { startMosquitto } from '../real/mosquitto.ts'
import { checkBalance, countReadings } from '../real/server.ts'
import { withScope } from '../scope.ts'
import { until } from '../until.ts'
import { onServer, rate } from './on-server.ts'

const seconds = 30
/** The first seconds, in which connections and code warm up, are sent but not judged. */
const warmMs = 3000

interface Heard {
  at: number
  payload: string
}

/** A commit tells of the newest reading of each point, and with it of those before that nothing was told of: they went in together. */
async function waitsOf(client: pg.Client, heard: readonly Heard[]): Promise<{ at: number; wait: number }[]> {
  const told = new Map<number, { at: number; observedAt: number }[]>()
  for (const { at, payload } of heard)
    for (const { pointId, observedAt } of parseCommitted(payload)) {
      const own = told.get(pointId)
      if (own) own.push({ at, observedAt })
      else told.set(pointId, [{ at, observedAt }])
    }
  const { rows } = await client.query<{ id: number; times: number[] }>(
    'select point_id as id, array_agg((extract(epoch from observed_at) * 1000)::float8 order by observed_at) as times from reading group by 1',
  )
  return rows.flatMap(({ id, times }) => {
    const own = told.get(id) ?? []
    let next = 0
    return times.flatMap((observedAt) => {
      while (next < own.length && (own[next]?.observedAt ?? 0) < observedAt) next += 1
      const by = own[next]
      return by ? [{ at: observedAt, wait: by.at - observedAt }] : []
    })
  })
}

/** From the time that a device gives its reading to the moment another session of the database hears of its commit. */
export const commitLatency = onServer({
  name: 'commit-latency',
  about: 'device to committed row at half of the greatest rate, one reading a message',
  async run(bench, _scope, server, points) {
    const n = bench.options.messages
    const max = await withScope(async (inner) =>
      rate(n, (await drainThroughIngest(bench, inner, await server.fresh(inner), planLive(points, n, 1, Date.now(), bench.options.seed))).ms),
    )
    const load = { rate: Math.round(max / 2), perMessage: 1, seconds }
    bench.say(`greatest rate ${max.toFixed(0)} messages/s; ${seconds} s at ${load.rate}`)

    const bareWaits = await withScope(async (inner) => {
      const broker = await startMosquitto(bench, inner)
      const subscriber = await startPart(inner, scriptFile('bare-subscriber.ts'), { args: [broker.url, 'bare-subscriber', '0', ...subscriptions] })
      const subscribed = subscriber.says('subscribed')
      subscriber.tell('go')
      await subscribed
      await sendLive(bench, inner, broker, points, load)
      const answer = subscriber.says('waits')
      subscriber.tell('waits')
      const { waits } = await answer
      return Array.isArray(waits) ? waits.filter((w): w is number => typeof w === 'number') : []
    })

    const waits = await withScope(async (inner) => {
      const database = await server.fresh(inner)
      const broker = await startMosquitto(bench, inner)
      await startIngestPart(bench, inner, { database, broker })
      const listener = new pg.Client({ connectionString: database.url })
      await listener.connect()
      inner.defer('listener', () => listener.end())
      const heard: Heard[] = []
      listener.on('notification', ({ payload }) => payload && heard.push({ at: Date.now(), payload }))
      await listener.query(`listen ${committedChannel}`)
      const from = Date.now()
      const sent = await sendLive(bench, inner, broker, points, load)
      await until('everything sent is in the table', async () => (await countReadings(database)) >= sent, 120_000, 100)
      await checkBalance(database, sent)
      const judged = await waitsOf(listener, heard)
      if (judged.length < 0.99 * sent) throw new Error(`of ${sent} commits only ${judged.length} were heard of`)
      return judged.filter((r) => r.at > from + warmMs).map((r) => r.wait)
    })
    const row = (name: string, q: number, atMost: number) => ({
      figure: `commit-latency: device to committed row ${name}`,
      measured: quantile(waits, q),
      unit: 'ms',
      decimals: 0,
      goal: { atMost },
      reference: { value: Math.max(1, quantile(bareWaits, q)), what: 'device to a bare MQTT.js subscriber at the same rate' },
    })
    return {
      rows: [row('p95', 0.95, 500)],
      notes: [
        `commit-latency: ${waits.length} readings at ${load.rate}/s, half of the ${max.toFixed(0)}/s of this run; p50 ${quantile(waits, 0.5)} ms, p99 ${quantile(waits, 0.99)} ms, slowest ${quantile(waits, 1)} ms; heard of by LISTEN in another session; all rows counted, the account closes`,
      ],
      detail: {
        max,
        load,
        quantiles: [0.01, 0.05, 0.25, 0.5, 0.75, 0.9, 0.95, 0.99, 0.999, 1].map((q) => ({ q, ms: quantile(waits, q), bareMs: quantile(bareWaits, q) })),
      },
    }
  },
})
