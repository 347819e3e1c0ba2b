import { basename } from 'node:path'
import { createPool, type Pool } from '../connection.ts'
import { inTransaction } from '../in-transaction.ts'
import { argumentsOf } from './arguments.ts'
import { isMovedKind, type MovedKind } from './columns.ts'
import { loadRegister } from './load-register.ts'
import { planImport } from './plan.ts'
import { type Counts, countsOf, planText } from './plan-text.ts'
import { readSheets } from './read-sheets.ts'
import type { Plan } from './register.ts'
import type { Sheet } from './sheet.ts'
import { holdRegister, writeRegister } from './write-register.ts'

export interface RegisterImport {
  plan: Plan
  counts: Counts
  applied: boolean
}
export interface RegisterOptions {
  apply: boolean
  /** Write what is right although something else is refused. */
  skipRefused: boolean
  as: MovedKind | null
}

/** Plans what sheets change, and writes it when that is asked for: all of it in one transaction, made against what is there then. */
export async function importRegister(pool: Pool, sheets: readonly Sheet[], { apply, skipRefused, as }: RegisterOptions): Promise<RegisterImport> {
  const { rows } = await pool.query<{ bare: boolean }>('select not exists (select from station_kind) as bare')
  if (rows[0]?.bare !== false) throw new Error('there is no catalogue in that database yet: npm run db -- seed --bare writes it, and no stations')
  if (!apply) {
    const plan = planImport(sheets, await loadRegister(pool), as)
    return { plan, counts: countsOf(plan), applied: false }
  }
  return inTransaction(pool, async (client) => {
    await holdRegister(client)
    const plan = planImport(sheets, await loadRegister(client), as)
    const counts = countsOf(plan)
    const applied = counts.refused === 0 || skipRefused
    if (applied && counts.new + counts.changed > 0) await writeRegister(client, plan, sheets.map((s) => basename(s.file)).join(', '), Date.now())
    return { plan, counts, applied }
  })
}

const sayCounts = (c: Counts): string => `${c.new} new, ${c.changed} changed, ${c.unchanged} unchanged, ${c.refused} refused`

/** What is told of an import; the exit code is 1 when something is refused. */
export function tellRegister({ plan, counts, applied }: RegisterImport, options: RegisterOptions & { json: boolean }, print: (line: string) => void): void {
  if (counts.refused > 0) process.exitCode = 1
  if (options.json) {
    const { changes, refusals, notes } = plan
    print(JSON.stringify({ applied, counts, changes: changes.filter((c) => c.what !== 'unchanged'), refusals, notes }, null, 2))
    return
  }
  for (const line of planText(plan)) print(line)
  print(sayCounts(counts))
  if (!options.apply) print('nothing is written: this is what --apply would do')
  else if (!applied) print('nothing is written, since something is refused: put it right, or leave it out by --skip-refused')
  else print(counts.new + counts.changed > 0 ? 'written' : 'nothing to write')
}

/** `import FILE… [--apply] [--skip-refused] [--as KIND] [--json]` */
export async function runImportRegister(url: string, args: readonly string[], print: (line: string) => void): Promise<void> {
  const { named, flags, rest: files } = argumentsOf(args, ['--as'], ['--apply', '--skip-refused', '--json'])
  const as = named.get('--as') ?? null
  if (as !== null && !isMovedKind(as)) throw new Error(`--as ${as}: stations, points, thresholds or users`)
  if (files.length === 0) throw new Error('name a file')
  const sheets: Sheet[] = []
  for (const file of files) sheets.push(...(await readSheets(file)))
  const options = { apply: flags.has('--apply'), skipRefused: flags.has('--skip-refused'), json: flags.has('--json'), as }
  const pool = createPool({ connectionString: url, applicationName: 'yiping-db', max: 1 })
  try {
    tellRegister(await importRegister(pool, sheets, options), options, print)
  } finally {
    await pool.end()
  }
}
