import type { AlarmChanges } from './alarm-changes.ts'
import { alarmAmiss, alarmParts } from './alarm-statement.ts'
import type { Queryable } from './connection.ts'

const statement = `with ${alarmParts('$1', 'true')}\nselect ${alarmAmiss} as amiss`

/** Stores what follows from no reading: from time alone, and from silence. Answers how many of the changes found no row. */
export async function storeAlarms(db: Queryable, changes: AlarmChanges): Promise<{ amiss: number }> {
  const { rows } = await db.query<{ amiss: number }>({ name: 'store_alarms', text: statement, values: [JSON.stringify(changes)] })
  return { amiss: rows[0]?.amiss ?? 0 }
}
