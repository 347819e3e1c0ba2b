import { join } from 'node:path'
import { createPool } from '@yiping/db'
import { startEmbedded } from '@yiping/db/embedded'
import { entries } from '../built.ts'
import { startAndWatch } from '../city/start-and-watch.ts'
import type { Scope } from '../scope.ts'
import type { Figure } from './figure.ts'

/** The second start, on the data of a first one that was stopped cleanly. */
export const startAgain: Figure = {
  name: 'start-again',
  about: 'npm start on the data of an earlier run to the first live value on the wall',
  async run(bench, scope) {
    const { dataDir, stoppedAt } = await bench.data()
    const reopenMs = await reopen(scope, join(dataDir, 'pg'))
    bench.say(`database alone, opened again: ${(reopenMs / 1000).toFixed(1)} s`)
    const { city, times } = await startAndWatch(scope, await bench.browser(), bench.say, { dataDir, observedAfter: stoppedAt, untilPast: false })
    const stopMs = await city.stop()
    return {
      rows: [
        {
          figure: 'start-again: first live value',
          measured: times.liveMs / 1000,
          unit: 's',
          decimals: 1,
          goal: { atMost: 10 },
          reference: { value: reopenMs / 1000, what: 'the embedded database alone, opened again' },
        },
      ],
      notes: [`start-again: live is what was observed after the first run's stop; the address answered after ${times.addressMs} ms; stopped in ${stopMs} ms`],
      detail: { reopenMs, stopMs, ...times },
    }
  },
}

async function reopen(scope: Scope, dataDir: string): Promise<number> {
  const from = performance.now()
  const database = await startEmbedded({ dataDir, entry: entries.embedded, log: () => {} })
  scope.defer('database alone', () => database.stop())
  const pool = createPool({ connectionString: database.url, applicationName: 'yiping-bench', max: 1 })
  await pool.query('select max(observed_at) from latest')
  const ms = performance.now() - from
  await pool.end()
  await database.stop()
  return ms
}
