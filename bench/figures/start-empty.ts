import { join } from 'node:path'
import { migrate } from '@yiping/db'
import { startEmbedded } from '@yiping/db/embedded'
import type { Bench } from '../bench.ts'
import { entries } from '../built.ts'
import type { Scope } from '../scope.ts'
import type { Figure } from './figure.ts'

/** From nothing to the first live value on the wall, and to a day's line. */
export const startEmpty: Figure = {
  name: 'start-empty',
  about: 'npm start on an empty folder to the first live value on the wall',
  async run(bench, scope) {
    const bareMs = await bareStart(bench, scope)
    bench.say(`database alone, with its schema: ${(bareMs / 1000).toFixed(1)} s`)
    const { times } = await bench.data()
    const reference = { value: bareMs / 1000, what: 'the embedded database alone, from an empty folder to its schema' }
    return {
      rows: [
        { figure: 'start-empty: first live value', measured: times.liveMs / 1000, unit: 's', decimals: 1, goal: { atMost: 20 }, reference },
        {
          figure: 'start-empty: 24 h on the day chart',
          measured: (times.pastMs ?? Number.NaN) / 1000,
          unit: 's',
          decimals: 1,
          goal: { atMost: 60 },
          reference,
        },
      ],
      notes: [
        `start-empty: the address answered after ${times.addressMs} ms; the past was filled to its end after ${times.filledMs} ms; seen first: ${times.figure}`,
      ],
      detail: { bareMs, ...times },
    }
  },
}

async function bareStart(bench: Bench, scope: Scope): Promise<number> {
  const dataDir = join(await bench.folder(scope), 'pg')
  const from = performance.now()
  const database = await startEmbedded({ dataDir, entry: entries.embedded, log: () => {} })
  scope.defer('database alone', () => database.stop())
  await migrate(database.url)
  const ms = performance.now() - from
  await database.stop()
  return ms
}
