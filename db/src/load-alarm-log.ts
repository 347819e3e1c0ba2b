import type { AlarmEventKind, Severity } from '@yiping/contract'
import type { Queryable } from './connection.ts'

export interface AlarmLogEntryRow {
  at: number
  kind: AlarmEventKind
  severity: Severity | null
  value: number | null
  by: string | null
  note: string | null
}

/** What happened to one alarm, oldest first. */
export async function loadAlarmLog(db: Queryable, id: string): Promise<AlarmLogEntryRow[]> {
  const { rows } = await db.query<AlarmLogEntryRow>('select at, kind, severity, value, by, note from alarm_event where alarm = $1 order by at, id limit 1000', [
    id,
  ])
  return rows
}
