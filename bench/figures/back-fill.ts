import { quantile } from '../measure/numbers.ts'
import { lateBurst } from '../real/late-burst.ts'
import { withScope } from '../scope.ts'
import { onServer } from './on-server.ts'

const devices = 5000
/** Older than what counts as live, all of it. */
const endsBeforeMs = 20 * 60_000
const live = { rate: 1000, perMessage: 1, seconds: 75 }

/** What a day of back-fill from 5,000 devices does to live readings, and how soon the roll-ups are right again. */
export const backFill = onServer({
  name: 'back-fill',
  about: `${devices} devices send 24 h at once: the delay of live readings meanwhile, and the repair of the roll-ups`,
  async run(bench, _scope, server, points) {
    if (points.length < devices + 1000) throw new Error(`${points.length} points are too few`)
    return withScope(async (inner) => {
      const database = await server.fresh(inner)
      const found = await lateBurst(bench, inner, database, {
        ...{ late: points.slice(0, devices), others: points.slice(devices), live },
        endOf: (now) => now - endsBeforeMs,
      })
      const { alone, during, repairing } = found
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
            measured: found.repairedMs / 1000,
            unit: 's',
            decimals: 1,
            goal: { atMost: 60 },
            reference: { value: found.storedMs / 1000, what: 'storing the late rows' },
          },
        ],
        notes: [
          `back-fill: ${found.rows} late rows in ${devices} messages beside ${live.rate} live readings/s; live p95 ${quantile(alone, 0.95)} ms before, ${quantile(during, 0.95)} ms meanwhile (slowest ${quantile(during, 1)} ms)${repairing.length > 0 ? `, ${quantile(repairing, 0.95)} ms during the repair` : ''}; all rows counted, the account closes, the hours hold every late row`,
        ],
        detail: { alone: alone.length, during: during.length, storedMs: found.storedMs, repairedMs: found.repairedMs },
      }
    })
  },
})
