import {
  type AlarmAction,
  type AlarmEvent,
  type AlarmInput,
  type AlarmState,
  type Annunciation,
  calm,
  maxShelveMs,
  occurrenceState,
  reduceAlarm,
  type Severity,
} from '@yiping/contract'
import { alarmChannel } from './channels.ts'
import { isRetryable, type Pool, type Queryable } from './connection.ts'
import { inTransaction } from './in-transaction.ts'

export interface AlarmAct {
  action: AlarmAction
  by: string
  note: string | null
  /** shelve: for how long */
  minutes: number | null
  /** assign: to whom */
  to: string | null
}

/** Why something was not done. The first two can be mended by asking otherwise, the rest is how the alarm stands. */
export type AlarmRefusal =
  | 'field_missing'
  | 'shelve_too_long'
  | 'alarm_unknown'
  | 'alarm_closed'
  | 'already_acknowledged'
  | 'not_latched'
  | 'not_shelved'
  | 'already_out_of_service'
  | 'in_service'

interface Locked {
  id: string
  rule: string
  subject: string
  severity: Severity
  returnedAt: number | null
  activeAt: number
  ackAt: number | null
  resetAt: number | null
  latches: boolean
  quiet: boolean
  superseded: boolean
  suppressedBy: string | null
  shelvedUntil: number | null
  outOfService: boolean
}

const stateOf = (row: Locked): AlarmState => ({
  ...calm,
  severity: row.returnedAt === null && !row.superseded ? row.severity : null,
  occurrence: occurrenceState(row) === 'normal' ? null : row,
  outOfService: row.outOfService,
  suppressedBy: row.suppressedBy,
  shelvedUntil: row.shelvedUntil,
})

/** An operator's act asks for no reading: delays and holds do not come into it. */
const noDelays: Annunciation = { holdSamples: [1, 1, 1, 1], onDelayMs: 0, offDelayMs: 0, latches: false, speaksMs: 0 }

const inputOf = (act: AlarmAct, at: number): AlarmInput | null => {
  switch (act.action) {
    case 'ack':
    case 'reset':
    case 'unshelve':
      return { kind: act.action, at }
    case 'take-out':
      return { kind: 'take_out', at }
    case 'put-back':
      return { kind: 'put_back', at }
    case 'shelve':
      return { kind: 'shelve', at, until: at + (act.minutes ?? 0) * 60_000 }
    case 'comment':
    case 'assign':
      return null
  }
}

/** What an act lacks whichever alarm it is for. */
function fault({ action, note, minutes, to }: AlarmAct): AlarmRefusal | null {
  if ((action === 'shelve' || action === 'comment' || action === 'take-out') && (note === null || note.trim() === '')) return 'field_missing'
  if ((action === 'shelve' && minutes === null) || (action === 'assign' && (to === null || to.trim() === ''))) return 'field_missing'
  return action === 'shelve' && (minutes ?? 0) * 60_000 > maxShelveMs ? 'shelve_too_long' : null
}

/** The reducer left it as it is: why. */
function reasonOf(action: AlarmAction, state: AlarmState): AlarmRefusal {
  switch (action) {
    case 'ack':
      return state.occurrence === null ? 'alarm_closed' : 'already_acknowledged'
    case 'reset':
      return state.occurrence === null ? 'alarm_closed' : 'not_latched'
    case 'unshelve':
      return 'not_shelved'
    case 'take-out':
      return 'already_out_of_service'
    case 'put-back':
      return 'in_service'
    case 'shelve':
      return 'shelve_too_long'
    case 'comment':
    case 'assign':
      return 'alarm_closed'
  }
}

/** What stays beyond the end of what it is about: a closed alarm may be written about, and its sensor taken out of service. */
const forClosedToo: ReadonlySet<AlarmAction> = new Set(['comment', 'unshelve', 'take-out', 'put-back'])

function decide(row: Locked, act: AlarmAct, at: number): readonly AlarmEvent[] | AlarmRefusal {
  const state = stateOf(row)
  if (state.occurrence === null && !forClosedToo.has(act.action)) return 'alarm_closed'
  const input = inputOf(act, at)
  if (input === null) return [{ what: act.action === 'assign' ? 'assigned' : 'commented', at, severity: state.severity, ring: false }]
  const { events } = reduceAlarm(state, input, noDelays)
  return events.length === 0 ? reasonOf(act.action, state) : events
}

const lockSql = `
select a.id, a.rule, a.subject, a.severity, a.active_at as "activeAt", a.returned_at as "returnedAt", a.ack_at as "ackAt", a.reset_at as "resetAt",
  a.latches, a.quiet, a.superseded, coalesce(a.suppressed_by, case when a.explained then 'cause' end) as "suppressedBy", sh.until as "shelvedUntil",
  exists (select from alarm_out_of_service o where o.subject = a.subject and o.rule in (a.rule, '*')) as "outOfService"
from alarm a left join alarm_shelf sh on sh.rule = a.rule and sh.subject = a.subject
where a.id = any($1::text[]) order by a.id for update of a`

export interface AlarmsActed {
  done: string[]
  refused: { id: string; code: AlarmRefusal }[]
}

/** An operator acts on alarms, in one transaction; the reducer decides, one alarm after another. `at`: epoch ms. */
export async function actOnAlarms(pool: Pool, ids: readonly string[], act: AlarmAct, at: number): Promise<AlarmsActed> {
  const wrong = fault(act)
  const unique = [...new Set(ids)]
  if (wrong !== null) return { done: [], refused: unique.map((id) => ({ id, code: wrong })) }
  // The engine may hold the same rows in another order: the database then ends one of the two.
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await inTransaction(pool, (client) => actOn(client, unique, act, at))
    } catch (error) {
      if (attempt >= 3 || !isRetryable(error)) throw error
    }
  }
}

async function actOn(db: Queryable, ids: readonly string[], act: AlarmAct, at: number): Promise<AlarmsActed> {
  const { rows } = await db.query<Locked>(lockSql, [ids])
  const found = new Map(rows.map((r) => [r.id, r]))
  const acted: AlarmsActed = { done: [], refused: [] }
  const events: { row: Locked; event: AlarmEvent }[] = []
  for (const id of ids) {
    const row = found.get(id)
    const decided = row ? decide(row, act, at) : 'alarm_unknown'
    if (typeof decided === 'string') acted.refused.push({ id, code: decided })
    else if (row) {
      acted.done.push(id)
      for (const event of decided) events.push({ row, event })
    }
  }
  if (acted.done.length === 0) return acted
  await writeFields(db, acted.done, act, at)
  await writeHiding(
    db,
    acted.done.flatMap((id) => found.get(id) ?? []),
    act,
    at,
  )
  await db.query(
    `with given as (select * from unnest($1::text[], $2::text[], $3::int[], $4::bool[]) as g(alarm, kind, severity, ring)), rung as (
       update alarm a set rang_at = coalesce(a.rang_at, to_timestamp($5::float8 / 1000)) from given g where g.alarm = a.id and g.ring
     )
     insert into alarm_event (alarm, at, kind, severity, ring, by, note)
     select alarm, to_timestamp($5::float8 / 1000), kind, severity, ring, $6, $7 from given`,
    [
      events.map((e) => e.row.id),
      events.map((e) => e.event.what),
      events.map((e) => e.event.severity),
      events.map((e) => e.event.ring),
      at,
      act.by,
      act.action === 'assign' ? [act.to, act.note].filter(Boolean).join(': ') : act.note,
    ],
  )
  // What hides one occurrence of a rule and subject hides the others.
  await db.query(
    `select pg_notify($1, case when length(ids) > 7000 then '*' else ids end) from (
       select string_agg(id, ',') as ids from alarm
       where id = any($2::text[]) or (state <> 'normal' and subject in (select subject from alarm where id = any($2::text[])))) t`,
    [alarmChannel, acted.done],
  )
  return acted
}

async function writeFields(db: Queryable, ids: readonly string[], act: AlarmAct, at: number): Promise<void> {
  const { action } = act
  if (action === 'ack')
    await db.query('update alarm set ack_at = to_timestamp($2::float8 / 1000), ack_by = $3, changed_at = now() where id = any($1::text[])', [ids, at, act.by])
  else if (action === 'reset')
    await db.query('update alarm set reset_at = to_timestamp($2::float8 / 1000), reset_by = $3, changed_at = now() where id = any($1::text[])', [
      ids,
      at,
      act.by,
    ])
  else if (action === 'assign') await db.query('update alarm set assigned_to = $2, changed_at = now() where id = any($1::text[])', [ids, act.to])
}

async function writeHiding(db: Queryable, rows: readonly Locked[], act: AlarmAct, at: number): Promise<void> {
  const whose = [rows.map((r) => r.rule), rows.map((r) => r.subject)]
  const given = 'unnest($1::text[], $2::text[]) as g(rule, subject)'
  switch (act.action) {
    case 'shelve':
      await db.query(
        `insert into alarm_shelf (rule, subject, until, reason, by, at)
         select distinct rule, subject, to_timestamp($3::float8 / 1000) + make_interval(mins => $4::int), $5, $6, to_timestamp($3::float8 / 1000) from ${given}
         on conflict (rule, subject) do update set until = excluded.until, reason = excluded.reason, by = excluded.by, at = excluded.at`,
        [...whose, at, act.minutes, act.note, act.by],
      )
      return
    case 'unshelve':
      await db.query(`delete from alarm_shelf s using ${given} where s.rule = g.rule and s.subject = g.subject`, whose)
      return
    case 'take-out':
      await db.query(
        `insert into alarm_out_of_service (rule, subject, reason, by, at)
         select distinct rule, subject, $4, $5, to_timestamp($3::float8 / 1000) from ${given} on conflict (rule, subject) do nothing`,
        [...whose, at, act.note, act.by],
      )
      return
    case 'put-back':
      await db.query(`delete from alarm_out_of_service o using ${given} where o.subject = g.subject and o.rule in (g.rule, '*')`, whose)
      return
    case 'ack':
    case 'reset':
    case 'comment':
    case 'assign':
      return
  }
}
