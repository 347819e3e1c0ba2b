import { copyByPsql } from '../real/copy.ts'
import { drainThroughIngest } from '../real/drain.ts'
import { planLive } from '../real/live-plan.ts'
import { withScope } from '../scope.ts'
import { middleOf, onServer, rate } from './on-server.ts'

const perMessage = 100

/** Messages of 100 readings, drained from a session of the broker, against COPY of the same rows. */
export const gateway = onServer({
  name: 'gateway',
  about: `${perMessage} readings a message into a database server, against COPY of the same rows by psql`,
  async run(bench, _scope, server, points) {
    const { readings, pairs: wanted, seed } = bench.options
    const pairs = []
    for (let i = 0; i < wanted; i += 1) {
      const plan = planLive(points, readings, perMessage, Date.now(), seed + i)
      const n = plan.rows.length
      const ours = await withScope(async (inner) => drainThroughIngest(bench, inner, await server.fresh(inner), plan))
      const copyMs = await withScope(async (inner) => copyByPsql(bench, inner, await server.fresh(inner), plan))
      const pair = { n, ours: rate(n, ours.ms), copy: rate(n, copyMs), ratio: copyMs / ours.ms, run: ours }
      bench.say(`pair ${i + 1}: ${pair.ours.toFixed(0)} rows/s through ingest, ${pair.copy.toFixed(0)} by COPY, ratio ${pair.ratio.toFixed(2)}`)
      pairs.push(pair)
    }
    const middle = middleOf(pairs)
    return {
      rows: [
        {
          figure: `gateway: ${perMessage} readings a message, stored`,
          measured: middle.ours,
          unit: 'rows/s',
          decimals: 0,
          goal: { atLeastRatio: 0.6 },
          reference: { value: middle.copy, what: 'one COPY of the same rows by psql, same hypertable and unique index' },
        },
      ],
      notes: [
        `gateway: ratios ${pairs.map((p) => p.ratio.toFixed(2)).join(', ')}; ${middle.n} readings in ${Math.ceil(middle.n / perMessage)} messages held by Mosquitto, time from the connection to the last commit; rows counted in the table, the account closes`,
        `gateway: ingest, its start with it, had a core for ${((100 * middle.run.cpuMs) / middle.run.ms).toFixed(0)} % of the time, the broker for ${((100 * middle.run.brokerCpuMs) / middle.run.ms).toFixed(0)} %; ${server.version}`,
      ],
      detail: { pairs },
    }
  },
})
