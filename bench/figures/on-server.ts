import { loadRegistry } from '@yiping/db'
import { createPool } from '@yiping/db'
import type { Bench } from '../bench.ts'
import { median } from '../measure/numbers.ts'
import { type LivePoint, livePoints } from '../real/live-plan.ts'
import { mosquittoFile } from '../real/mosquitto.ts'
import type { RealServer } from '../real/server.ts'
import type { Outcome } from '../report/outcome.ts'
import { type Scope, withScope } from '../scope.ts'
import type { Figure } from './figure.ts'

/** A figure that means something only on a database server and a broker of production's kind; without them it says so. */
export function onServer(
  figure: Pick<Figure, 'name' | 'about'> & { run: (bench: Bench, scope: Scope, server: RealServer, points: LivePoint[]) => Promise<Outcome> },
): Figure {
  return {
    ...figure,
    async run(bench, scope) {
      const server = await bench.server()
      if (server === null || mosquittoFile === undefined) {
        const what = server === null ? 'a PostgreSQL server with TimescaleDB (--database URL or TEST_DATABASE_URL)' : 'Mosquitto (apt-get install mosquitto)'
        bench.say(`left out: it needs ${what}`)
        return { rows: [], notes: [`${figure.name}: left out: it needs ${what}`], detail: null }
      }
      const points = await withScope(async (inner) => {
        const database = await server.fresh(inner)
        const pool = createPool({ connectionString: database.url, applicationName: 'yiping-bench', max: 1 })
        return livePoints(await loadRegistry(pool).finally(() => pool.end()))
      })
      return figure.run(bench, scope, server, points)
    },
  }
}

/** The pair in the middle speaks: a ratio of medians could join runs from different minutes. */
export function middleOf<T extends { ratio: number }>(pairs: readonly T[]): T {
  const middle = median(pairs.map((p) => p.ratio))
  const found = pairs.find((p) => p.ratio === middle)
  if (found === undefined) throw new Error('no pair was measured')
  return found
}

export const rate = (n: number, ms: number): number => n / (ms / 1000)
