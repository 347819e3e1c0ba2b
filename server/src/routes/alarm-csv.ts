import type { AlarmFilter, AlarmKey, AlarmRow, Queryable } from '@yiping/db'
import { loadAlarmPage } from '@yiping/db'
import { ruleName, ruleOf } from '../live/alarm-rule.ts'
import { csvLine, csvMark } from './csv.ts'
import { timeOut } from './time.ts'

const pageRows = 1000

const columns: readonly [
  name: string,
  of: (row: AlarmRow, time: (at: number | null) => string | null, text: (written: string | null) => string | null) => string | number | null,
][] = [
  ['id', (r) => r.id],
  ['severity', (r) => r.severity],
  ['state', (r) => r.state],
  ['active_at', (r, time) => time(r.activeAt)],
  ['rang_at', (r, time) => time(r.rangAt)],
  ['returned_at', (r, time) => time(r.returnedAt)],
  ['ack_at', (r, time) => time(r.ackAt)],
  ['ack_by', (r) => r.ackBy],
  ['assigned_to', (r, _time, text) => text(r.assignedTo)],
  ['rule', (r) => r.rule],
  ['rule_version', (r) => r.ruleVersion],
  ['name_zh', (r) => ruleName(r.rule, ruleOf(r)).zh],
  ['name_en', (r) => ruleName(r.rule, ruleOf(r)).en],
  ['domain', (r) => r.domain],
  ['district', (r) => r.district],
  ['station', (r) => r.station],
  ['station_name', (r) => r.stationName],
  ['metric', (r) => r.metric],
  ['subject', (r) => r.subject],
  ['value', (r) => r.value],
  ['limit', (r) => r.limit],
  ['extreme', (r) => r.extreme],
  ['unit', (r) => r.unit],
  ['members', (r) => r.members],
  ['recurrences', (r) => r.recurrences],
  ['escalation', (r) => r.escalation],
  ['cause', (r) => r.cause],
  ['shelved_until', (r, time) => time(r.shelvedUntil)],
  ['suppressed_by', (r) => r.suppressedBy],
  ['out_of_service', (r, _time, text) => text(r.outReason)],
]

/** Everything that the filter lets through, newest first, as CSV; a page of rows in memory at a time. */
export async function* alarmCsv(db: Queryable, filter: AlarmFilter, zone: string, text: (written: string) => string): AsyncGenerator<string> {
  const time = (at: number | null): string | null => (at === null ? null : timeOut(at, zone))
  const written = (t: string | null): string | null => (t === null ? null : text(t))
  yield `${csvMark}${csvLine(columns.map(([name]) => name))}`
  for (let after: AlarmKey | null = null; ; ) {
    const rows: Awaited<ReturnType<typeof loadAlarmPage>> = await loadAlarmPage(db, filter, 'newest', pageRows, after)
    yield rows.map((row) => csvLine(columns.map(([, of]) => of(row, time, written)))).join('')
    after = rows.at(-1)?.key ?? null
    if (rows.length < pageRows) return
  }
}
