import type { Member, Severity } from '@yiping/contract'
import { alarmChannel } from './channels.ts'
import type { Queryable } from './connection.ts'

/** Active alarms of those rules at stations; what is suppressed by design is part of nothing. What is merely explained stays evidence. */
export async function loadMembers(db: Queryable, rules: readonly string[]): Promise<Member[]> {
  const { rows } = await db.query<{ id: string; rule: string; station: string; severity: Severity; active_at: number }>(
    `select id, rule, station, severity, active_at from alarm
     where state in ('unacked_active', 'acked_active') and rule = any($1::text[]) and station is not null and suppressed_by is null and not quiet`,
    [rules],
  )
  return rows.map((r) => ({ id: r.id, rule: r.rule, station: r.station, severity: r.severity, activeAt: r.active_at }))
}

export interface OpenCombination {
  id: string
  rule: string
  /** The station whose alarm began it. */
  station: string
  severity: Severity
  worst: Severity
  activeAt: number
  members: number
}

export async function loadOpenCombinations(db: Queryable): Promise<OpenCombination[]> {
  const { rows } = await db.query<{ id: string; rule: string; station: string; severity: Severity; worst: Severity; active_at: number; members: number }>(
    `select id, rule, station, severity, worst, active_at, members from alarm
     where state in ('unacked_active', 'acked_active') and kind = 'combination' and station is not null`,
  )
  return rows.map((r) => ({ ...r, activeAt: r.active_at }))
}

/** Says of alarms that another one explains them, unless they are explained already. Answers of how many that was news. */
export async function linkCause(db: Queryable, cause: string, alarms: readonly string[]): Promise<number> {
  const { rows } = await db.query<{ n: number }>(
    `with linked as (
       update alarm set cause = $1, changed_at = now()
       where id = any($2::text[]) and cause is distinct from $1 and not explained and exists (select from alarm c where c.id = $1) returning id
     ), told as (
       select pg_notify('${alarmChannel}', '*') where exists (select from linked)
     )
     select (select count(*)::int from linked) + 0 * (select count(*)::int from told) as n`,
    [cause, alarms],
  )
  return rows[0]?.n ?? 0
}
