import { AlarmRule, type Severity } from '@yiping/contract'
import { Value } from 'typebox/value'
import type { Queryable } from './connection.ts'

/** The rules that count now; one whose definition nobody can read is left out and named. */
export async function loadActiveRules(db: Queryable): Promise<{ rules: AlarmRule[]; broken: string[] }> {
  const { rows } = await db.query<{ code: string; version: number; definition: unknown }>(
    'select code, version, definition from alarm_rule where active order by code',
  )
  const rules: AlarmRule[] = []
  const broken: string[] = []
  for (const { code, version, definition } of rows) {
    const rule: unknown = typeof definition === 'object' ? { ...definition, code, version } : definition
    if (Value.Check(AlarmRule, rule)) rules.push(rule)
    else broken.push(code)
  }
  return { rules, broken }
}

/** What the engine knew of a rule and subject that are not calm, and the alarm that is active of them. */
export interface KnownCondition {
  rule: string
  subject: string
  /** Null: nothing was written down, although an alarm is active. */
  state: unknown
  alarm: { id: string; severity: Severity; worst: Severity; activeAt: number; quiet: boolean; suppressedBy: string | null; extreme: number | null } | null
}

export async function loadConditions(db: Queryable): Promise<KnownCondition[]> {
  const { rows } = await db.query<{
    rule: string
    subject: string
    state: unknown
    id: string | null
    severity: Severity
    worst: Severity
    active_at: number
    quiet: boolean
    suppressed_by: string | null
    extreme: number | null
  }>(
    `select rule, subject, c.state, a.id, a.severity, a.worst, a.active_at, a.quiet, a.suppressed_by, a.extreme
     from alarm_condition c
     full join (select * from alarm where returned_at is null and not superseded) a using (rule, subject)`,
  )
  return rows.map((r) => ({
    rule: r.rule,
    subject: r.subject,
    state: r.state,
    alarm:
      r.id === null
        ? null
        : { id: r.id, severity: r.severity, worst: r.worst, activeAt: r.active_at, quiet: r.quiet, suppressedBy: r.suppressed_by, extreme: r.extreme },
  }))
}

/** Readings of some points since a moment (epoch ms), oldest first: what a sum goes on from. */
export async function loadReadingsSince(db: Queryable, pointIds: readonly number[], from: number): Promise<{ pointId: number; at: number; value: number }[]> {
  if (pointIds.length === 0) return []
  const { rows } = await db.query<{ point_id: number; observed_at: number; value: number }>(
    `select point_id, observed_at, value from plain_reading
     where point_id = any($1::int[]) and observed_at > to_timestamp($2::float8 / 1000) and quality < 2 order by point_id, observed_at`,
    [pointIds, from],
  )
  return rows.map((r) => ({ pointId: r.point_id, at: r.observed_at, value: r.value }))
}

/**
 * Since when points have shown their latest value and no other, to the hour, looking back until `from` (epoch ms): only
 * those that stood still during the last two hours are answered. Over a gap nobody knows: while the past is being filled in,
 * most of it is one.
 *
 * The points are named to the roll-up as well: a join alone has it worked out for the whole city where it is still live.
 */
export async function loadFlatSince(db: Queryable, pointIds: readonly number[], from: number, now: number): Promise<{ pointId: number; since: number }[]> {
  if (pointIds.length === 0) return []
  const { rows } = await db.query<{ point_id: number; since: number }>(
    `with still as materialized (
       select l.point_id, l.value
       from latest l join reading_1h h on h.point_id = l.point_id
       where l.point_id = any($1::int[]) and h.point_id = any($1::int[]) and h.bucket > to_timestamp($3::float8 / 1000) - interval '3 hours'
       group by l.point_id, l.value having min(h.min) = l.value and max(h.max) = l.value
     )
     select point_id, coalesce(max(case when moved then bucket + interval '1 hour' when gap then bucket end), min(bucket)) as since
     from (
       select s.point_id, h.bucket, h.min <> s.value or h.max <> s.value as moved,
         h.bucket - lag(h.bucket) over (partition by s.point_id order by h.bucket) > interval '2 hours' as gap
       from still s join reading_1h h on h.point_id = s.point_id and h.point_id = any($1::int[]) and h.bucket > to_timestamp($2::float8 / 1000)
     ) hours
     group by point_id`,
    [pointIds, from, now],
  )
  return rows.map((r) => ({ pointId: r.point_id, since: r.since }))
}

/** What is normal for points: median and spread of each hour of the week that is known of them. */
export async function loadNormals(
  db: Queryable,
  pointIds: readonly number[],
): Promise<{ pointId: number; hours: number[]; medians: number[]; spreads: number[] }[]> {
  if (pointIds.length === 0) return []
  const { rows } = await db.query<{ point_id: number; hours: number[]; medians: number[]; spreads: number[] }>(
    `select point_id, array_agg(hour::int) as hours, array_agg(median) as medians, array_agg(spread) as spreads
     from alarm_normal where point_id = any($1::int[]) group by point_id`,
    [pointIds],
  )
  return rows.map((r) => ({ pointId: r.point_id, hours: r.hours, medians: r.medians, spreads: r.spreads }))
}

/** When some points were last heard of. */
export async function loadHeard(db: Queryable, pointIds: readonly number[]): Promise<{ pointId: number; observedAt: number; receivedAt: number }[]> {
  if (pointIds.length === 0) return []
  const { rows } = await db.query<{ point_id: number; observed_at: number; received_at: number }>(
    'select point_id, observed_at, received_at from latest where point_id = any($1::int[])',
    [pointIds],
  )
  return rows.map((r) => ({ pointId: r.point_id, observedAt: r.observed_at, receivedAt: r.received_at }))
}

/** When each station was registered, epoch ms by its code. */
export async function loadRegisteredAt(db: Queryable): Promise<Map<string, number>> {
  const { rows } = await db.query<{ code: string; created_at: number }>('select code, created_at from station')
  return new Map(rows.map((r) => [r.code, r.created_at]))
}

/** Shards whose lease ran out at least so long ago, and which nobody took over: their process died. One that was stopped gave it back. */
export async function loadDeadShards(db: Queryable, forMs: number): Promise<string[]> {
  const { rows } = await db.query<{ shard: string }>(
    `select substr(name, 7) as shard from ingest_lease where name like 'shard:%' and expires_at < now() - $1::float8 * interval '1 millisecond' order by 1`,
    [forMs],
  )
  return rows.map((r) => r.shard)
}
