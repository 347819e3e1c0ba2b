import type { MovedKind, Table } from './columns.ts'
import { tableOf } from './columns.ts'
import { planPoints } from './plan-points.ts'
import { planStations } from './plan-stations.ts'
import { planThresholds } from './plan-thresholds.ts'
import { planUsers } from './plan-users.ts'
import type { Plan, Register } from './register.ts'
import type { Refusal } from './row.ts'
import { placeOf, type Sheet } from './sheet.ts'

/** What sheets would change of the register as it is. `as`: all of them are of this kind, whatever their headers look like. */
export function planImport(sheets: readonly Sheet[], register: Register, as: MovedKind | null = null): Plan {
  const refusals: Refusal[] = []
  const notes: string[] = []
  const tables: Table[] = []
  for (const sheet of sheets) {
    const table = tableOf(sheet, as)
    if (table === null) notes.push(`${placeOf(sheet, 1)}: nothing stands there`)
    else if ('fault' in table) refusals.push({ kind: null, place: placeOf(sheet, table.line), column: null, reason: table.fault })
    else {
      tables.push(table)
      if (table.left.length > 0) notes.push(`${placeOf(sheet, table.header.line)}: ${table.kind}; of no meaning here: ${table.left.join(', ')}`)
    }
  }
  const of = (kind: MovedKind): Table[] => tables.filter((t) => t.kind === kind)
  const stations = planStations(of('stations'), register)
  const points = planPoints(of('points'), register, stations)
  const thresholds = planThresholds(of('thresholds'), register)
  const users = planUsers(of('users'), register)
  return {
    changes: [stations, points, thresholds, users].flatMap((p) => p.changes),
    refusals: [...refusals, ...[stations, points, thresholds, users].flatMap((p) => p.refusals)],
    notes,
    write: { stations: stations.write, points: points.write, rules: thresholds.write, users: users.write },
  }
}
