import type { AlarmEventKind, Severity } from '@yiping/contract'
import { alarmColumns, alarmTables, type AlarmRow } from './alarm-select.ts'
import type { Queryable } from './connection.ts'

/** One entry of an alarm's log, epoch ms. */
export interface AlarmStep {
  at: number
  kind: AlarmEventKind
  severity: Severity | null
  value: number | null
  ring: boolean
  by: string | null
  note: string | null
}
export interface AlarmHistory {
  row: AlarmRow & { latches: boolean; quiet: boolean }
  /** Oldest first. */
  steps: AlarmStep[]
}

/**
 * Alarms that may have been open between two moments (epoch ms), with all that happened to them: those that began by
 * `to` and are open still, or were changed after `from` – nothing changes once an alarm is over.
 */
export async function loadAlarmSpan(db: Queryable, from: number, to: number): Promise<AlarmHistory[]> {
  const { rows } = await db.query<AlarmHistory['row'] & { steps: AlarmStep[] }>(
    `select ${alarmColumns}, a.latches, a.quiet, (
       select coalesce(json_agg(json_build_object('at', (extract(epoch from e.at) * 1000)::float8, 'kind', e.kind, 'severity', e.severity,
         'value', e.value, 'ring', e.ring, 'by', e.by, 'note', e.note) order by e.at, e.id), '[]')
       from alarm_event e where e.alarm = a.id) as steps
     from ${alarmTables}
     where a.active_at <= to_timestamp($2::float8 / 1000) and (a.state <> 'normal' or a.changed_at > to_timestamp($1::float8 / 1000))`,
    [from, to],
  )
  return rows.map(({ steps, ...row }) => ({ row, steps }))
}
