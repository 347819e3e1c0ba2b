import { createPool, loadRegistry, type Queryable } from '@yiping/db'
import type { EmbeddedDatabase } from '@yiping/db/embedded'
import type { Bench } from '../bench.ts'
import { type DirectRun, insertDirectly } from '../ingest/direct-insert.ts'
import { freshDatabase, makeTemplate } from '../ingest/fresh-database.ts'
import { type Plan, planReadings } from '../ingest/plan.ts'
import { type PathRun, sendThrough } from '../ingest/whole-path.ts'
import { median } from '../measure/numbers.ts'
import { type Scope, withScope } from '../scope.ts'
import type { Figure } from './figure.ts'

interface Pair {
  /** Rows a second. */
  path: number
  direct: number
  ratio: number
  run: PathRun
  reference: DirectRun
}

/** Rows a second through the whole path against the plain insert of the same rows, by turns. */
export const ingest: Figure = {
  name: 'ingest',
  about: 'rows a second from publisher to table, against inserting the same rows directly',
  async run(bench, scope) {
    const template = await makeTemplate(bench, scope)
    const plan = await withScope(async (inner) => {
      const database = await freshDatabase(bench, inner, template)
      return asking(database, async (db) => planReadings(await loadRegistry(db), bench.options.rows, Date.now(), bench.options.seed))
    })
    const n = plan.rows.length
    bench.say(`${n} rows in ${plan.messages.length} messages`)
    const pairs: Pair[] = []
    for (let pair = 1; pair <= bench.options.pairs; pair += 1) {
      const path = await onFresh(bench, template, plan, (inner, database) => sendThrough(bench, inner, database, plan))
      const direct = await onFresh(bench, template, plan, (_, database) => insertDirectly(database, plan.rows))
      const rates = { path: n / (path.ms / 1000), direct: n / (direct.ms / 1000) }
      bench.say(
        `pair ${pair}: ${rates.path.toFixed(0)} rows/s through the path, ${rates.direct.toFixed(0)} directly, ratio ${(rates.path / rates.direct).toFixed(2)}`,
      )
      pairs.push({ ...rates, ratio: rates.path / rates.direct, run: path, reference: direct })
    }
    // The pair in the middle speaks: a ratio of medians could join runs from different minutes.
    const middle = pairs.find((p) => p.ratio === median(pairs.map((x) => x.ratio)))
    if (middle === undefined) throw new Error('no pair was measured')
    const { run, reference } = middle
    const share = (ms: number): string => `${((100 * ms) / run.ms).toFixed(0)} %`
    return {
      rows: [
        {
          figure: 'ingest: publisher to table',
          measured: middle.path,
          unit: 'rows/s',
          decimals: 0,
          goal: { atLeastRatio: 0.6 },
          reference: { value: middle.direct, what: 'the same rows by plain insert, 1000 a statement, one connection' },
        },
      ],
      notes: [
        `ingest: ratios ${pairs.map((p) => p.ratio.toFixed(2)).join(', ')}; ${n} rows, all counted in the table after each run; roll-ups and checkpoints put off on both sides`,
        `ingest: time went to statements ${share(run.statementMs)} (${run.statements} of ${(n / run.statements).toFixed(0)} rows, ${(run.statementMs / run.statements).toFixed(1)} ms each; directly ${reference.statements} of ${(reference.ms / reference.statements).toFixed(1)} ms)`,
        `ingest: a core was used by database ${share(run.cpuMs.database)}, ingest ${share(run.cpuMs.ingest)}, broker ${share(run.cpuMs.broker)}, publisher ${share(run.cpuMs.publisher)}; database time per row ${((1000 * run.cpuMs.database) / n).toFixed(1)} us, directly ${((1000 * reference.databaseCpuMs) / n).toFixed(1)} us`,
      ],
      detail: { rows: n, messages: plan.messages.length, pairs },
    }
  },
}

/** Runs on a database of its own and counts afterwards: a run that loses or doubles a row is no measurement. */
function onFresh<T>(bench: Bench, template: string, plan: Plan, work: (scope: Scope, database: EmbeddedDatabase) => Promise<T>): Promise<T> {
  return withScope(async (inner) => {
    const database = await freshDatabase(bench, inner, template)
    const done = await work(inner, database)
    const stored = await asking(database, async (db) => (await db.query<{ n: number }>('select count(*)::float8 as n from reading')).rows[0]?.n)
    if (stored !== plan.rows.length) throw new Error(`${stored} rows are in the table, ${plan.rows.length} were sent`)
    return done
  })
}

async function asking<T>(database: EmbeddedDatabase, ask: (db: Queryable) => Promise<T>): Promise<T> {
  const pool = createPool({ connectionString: database.url, applicationName: 'yiping-bench', max: 1 })
  try {
    return await ask(pool)
  } finally {
    await pool.end()
  }
}
