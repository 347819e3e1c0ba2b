import type { AlarmEventKind, Severity } from '@yiping/contract'
import type { Pool } from '../src/connection.ts'

export interface AlarmFixture {
  id: string
  rule: string
  subject: string
  kind?: string
  domain?: string | null
  district?: string | null
  station?: string | null
  metric?: string | null
  severity?: Severity
  /** epoch ms */
  activeAt: number
  returnedAt?: number | null
  rangAt?: number | null
  ackAt?: number | null
  ackBy?: string | null
  latches?: boolean
  quiet?: boolean
  suppressedBy?: string | null
  value?: number | null
  limit?: number | null
  extreme?: number | null
  unit?: string | null
  cause?: string | null
  members?: number
  assignedTo?: string | null
  escalation?: number
  /** Beside its activation. */
  log?: { at: number; loggedAt?: number; kind: AlarmEventKind; severity?: Severity; ring?: boolean; by?: string; note?: string }[]
}

/** An alarm as the engine writes it: the row, what happened to it, and the notification. It rings when activated unless `rangAt` is null. */
export async function insertAlarm(pool: Pool, alarm: AlarmFixture): Promise<void> {
  const { id, rule, subject, activeAt } = alarm
  const severity = alarm.severity ?? 3
  const rangAt = alarm.rangAt === undefined ? activeAt : alarm.rangAt
  const time = (n: number): string => `to_timestamp($${n}::float8 / 1000)`
  await pool.query(
    `insert into alarm (id, rule, rule_version, kind, subject, domain, district, station, metric, severity, worst, active_at, returned_at, rang_at,
       ack_at, ack_by, latches, quiet, suppressed_by, value, limit_value, extreme, unit, cause, members, assigned_to, escalation)
     values ($1, $2, 1, $3, $4, $5, $6, $7, $8, $9, $9, ${time(10)}, ${time(11)}, ${time(12)}, ${time(13)}, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, $25)`,
    [
      ...[id, rule, alarm.kind ?? 'limit', subject, alarm.domain ?? null, alarm.district ?? null, alarm.station ?? null, alarm.metric ?? null, severity],
      ...[activeAt, alarm.returnedAt ?? null, rangAt, alarm.ackAt ?? null, alarm.ackBy ?? null, alarm.latches ?? false, alarm.quiet ?? false],
      ...[alarm.suppressedBy ?? null, alarm.value ?? null, alarm.limit ?? null, alarm.extreme ?? alarm.value ?? null, alarm.unit ?? null],
      ...[alarm.cause ?? null, alarm.members ?? 0, alarm.assignedTo ?? null, alarm.escalation ?? 0],
    ],
  )
  const log: NonNullable<AlarmFixture['log']> = [{ at: activeAt, kind: 'activated', severity, ring: rangAt !== null }, ...(alarm.log ?? [])]
  await pool.query(
    `insert into alarm_event (alarm, at, logged_at, kind, severity, value, ring, by, note)
     select $1, to_timestamp(at / 1000), to_timestamp(coalesce("loggedAt", at) / 1000), kind, severity, case when kind = 'activated' then $3::float8 end, ring, by, note
     from jsonb_to_recordset($2::jsonb) as e(at float8, "loggedAt" float8, kind text, severity int, ring bool, by text, note text)`,
    [id, JSON.stringify(log.map((e) => ({ ...e, ring: e.ring ?? false }))), alarm.value ?? null],
  )
  await pool.query("select pg_notify('alarm_changed', $1)", [id])
}
