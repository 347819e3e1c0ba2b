import { drainBare, drainThroughIngest } from '../real/drain.ts'
import { planLive } from '../real/live-plan.ts'
import { withScope } from '../scope.ts'
import { middleOf, onServer, rate } from './on-server.ts'

/** Messages of one reading, drained from a session of the broker: stored, against no more than counted. */
export const messages = onServer({
  name: 'messages',
  about: 'one reading a message into a database server, against a bare MQTT.js subscriber on the same broker',
  async run(bench, _scope, server, points) {
    const { messages: n, pairs: wanted, seed } = bench.options
    const pairs = []
    for (let i = 0; i < wanted; i += 1) {
      const plan = () => planLive(points, n, 1, Date.now(), seed + i)
      const bareFirst = i % 2 === 0 ? await withScope((inner) => drainBare(bench, inner, plan())) : null
      const ours = await withScope(async (inner) => drainThroughIngest(bench, inner, await server.fresh(inner), plan()))
      const bare = bareFirst ?? (await withScope((inner) => drainBare(bench, inner, plan())))
      const pair = { ours: rate(n, ours.ms), bare: rate(n, bare.ms), ratio: bare.ms / ours.ms, run: ours, reference: bare }
      bench.say(`pair ${i + 1}: ${pair.ours.toFixed(0)} messages/s stored, ${pair.bare.toFixed(0)} counted, ratio ${pair.ratio.toFixed(2)}`)
      pairs.push(pair)
    }
    const middle = middleOf(pairs)
    const us = (ms: number): string => ((1000 * ms) / n).toFixed(1)
    return {
      rows: [
        {
          figure: 'messages: one reading each, stored',
          measured: middle.ours,
          unit: 'msg/s',
          decimals: 0,
          goal: { atLeastRatio: 0.8 },
          reference: { value: middle.bare, what: 'a bare MQTT.js subscriber that counts, same broker and messages' },
        },
      ],
      notes: [
        `messages: ratios ${pairs.map((p) => p.ratio.toFixed(2)).join(', ')}; ${n} messages held by Mosquitto for the session, time from its connection to the last commit; spool on; rows counted in the table, the account closes`,
        `messages: a message took ${us(middle.run.cpuMs)} us of a core in ingest (its start with it) and ${us(middle.run.brokerCpuMs)} in the broker; bare ${us(middle.reference.cpuMs)} and ${us(middle.reference.brokerCpuMs)}; ${server.version}`,
      ],
      detail: { messages: n, pairs },
    }
  },
})
