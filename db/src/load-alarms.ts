import type { AlarmStateName, Severity } from '@yiping/contract'
import { alarmColumns, alarmTables, type AlarmRow, shownState } from './alarm-select.ts'
import type { Queryable } from './connection.ts'

/** All that are not normal, hidden ones too. */
export async function loadOpenAlarms(db: Queryable): Promise<AlarmRow[]> {
  const { rows } = await db.query<AlarmRow>(`select ${alarmColumns} from ${alarmTables} where a.state <> 'normal'`)
  return rows
}

export async function loadAlarmsById(db: Queryable, ids: readonly string[]): Promise<AlarmRow[]> {
  const { rows } = await db.query<AlarmRow>(`select ${alarmColumns} from ${alarmTables} where a.id = any($1::text[])`, [ids])
  return rows
}

export interface AlarmFilter {
  /** Null: any. */
  states: readonly AlarmStateName[] | null
  severities: readonly Severity[] | null
  domain: string | null
  district: string | null
  station: string | null
  rule: string | null
  /** Part of rule, its name, subject, station, who acknowledged, or a note. */
  text: string | null
  /** active at or after, and before; epoch ms */
  from: number | null
  to: number | null
  cause: string | null
  /** Only of stations in these districts, and what is of no station at all. */
  within: readonly string[] | null
}

/**
 * `worst`: worst severity first, then unacknowledged, then newest. `newest`: by activation alone. The key of a row says
 * where the next page goes on.
 */
export type AlarmOrder = 'worst' | 'newest'
export type AlarmKey = readonly [severity: number, rank: number, activeAt: string, id: string]

const unackedFirst = `(case when a.state in ('unacked_active', 'returned_unacked') then 0 else 1 end)`
const where = `
  ($1::text[] is null or ${shownState} = any($1::text[]))
  and ($2::boolean is not true or a.state <> 'normal')
  and ($3::int[] is null or a.severity = any($3::int[]))
  and ($4::text is null or coalesce(a.domain, 'platform') = $4)
  and ($5::text is null or a.district = $5)
  and ($6::text is null or a.station = $6)
  and ($7::text is null or a.rule = $7)
  and ($8::text is null or a.rule ilike $8 or a.subject ilike $8 or st.name ilike $8 or a.ack_by ilike $8 or a.assigned_to ilike $8
    or r.definition->'name'->>'zh' ilike $8 or r.definition->'name'->>'en' ilike $8
    or exists (select from alarm_event e where e.alarm = a.id and e.note ilike $8))
  and ($9::float8 is null or a.active_at >= to_timestamp($9::float8 / 1000))
  and ($10::float8 is null or a.active_at < to_timestamp($10::float8 / 1000))
  and ($11::text is null or a.cause = $11)
  and ($12::text[] is null or a.district = any($12::text[]) or (a.district is null and a.station is null))`

const parameters = (f: AlarmFilter): unknown[] => [
  f.states,
  f.states !== null && !f.states.includes('normal'),
  f.severities,
  f.domain,
  f.district,
  f.station,
  f.rule,
  f.text === null ? null : `%${f.text.replace(/[\\%_]/g, '\\$&')}%`,
  f.from,
  f.to,
  f.cause,
  f.within,
]

/** One page of what the filter lets through, after `after`. */
export async function loadAlarmPage(
  db: Queryable,
  filter: AlarmFilter,
  order: AlarmOrder,
  limit: number,
  after: AlarmKey | null,
): Promise<(AlarmRow & { key: AlarmKey })[]> {
  const [beyond, sort] =
    order === 'worst'
      ? [
          `(a.severity, ${unackedFirst}) > ($13::int, $14::int) or ((a.severity, ${unackedFirst}) = ($13::int, $14::int)
            and (a.active_at < $15::timestamptz or (a.active_at = $15::timestamptz and a.id > $16)))`,
          `a.severity, ${unackedFirst}, a.active_at desc, a.id`,
        ]
      : [
          `$13::int is not null and $14::int is not null and (a.active_at < $15::timestamptz or (a.active_at = $15::timestamptz and a.id > $16))`,
          'a.active_at desc, a.id',
        ]
  const { rows } = await db.query<AlarmRow & { rank: number; place: string }>(
    `select ${alarmColumns}, ${unackedFirst} as rank, a.active_at::text as place from ${alarmTables}
     where ${where} and ($16::text is null or (${beyond})) order by ${sort} limit $17`,
    [...parameters(filter), ...(after ?? [null, null, null, null]), limit],
  )
  return rows.map(({ rank, place, ...row }) => ({ ...row, key: [row.severity, rank, place, row.id] as const }))
}

export async function countAlarms(db: Queryable, filter: AlarmFilter): Promise<number> {
  const { rows } = await db.query<{ n: number }>(`select count(*)::int as n from ${alarmTables} where ${where}`, parameters(filter))
  return rows[0]?.n ?? 0
}
