import type { Severity } from '@yiping/contract'
import type { Pool, Queryable } from './connection.ts'

/** An alarm event that rings, or that passes an alarm up, as routes see it. Times are epoch ms. */
export interface RingingEvent {
  event: number
  alarm: string
  at: number
  what: string
  severity: Severity
  domain: string | null
  district: string | null
  escalation: number
}

/** One that a route has to tell and has not. */
export interface NoticeItem {
  event: number
  alarm: string
  at: number
}

/**
 * Takes up to `limit` of such events that nobody has looked through yet and puts down for whom each is. One that is hidden at this
 * moment (shelved, suppressed, out of service) is for nobody. Events and items change in one transaction, so that each is
 * told once however often this is begun; two servers take different ones.
 */
export async function gatherNotices(pool: Pool, limit: number, routesOf: (event: RingingEvent) => readonly number[]): Promise<number> {
  const client = await pool.connect()
  let broken: Error | undefined
  try {
    await client.query('begin')
    const { rows } = await client.query<RingingEvent & { hidden: boolean }>(
      `with taken as (
         select id from alarm_event where (ring or kind = 'passed_up') and not noticed order by id limit $1 for update skip locked
       ), marked as (
         update alarm_event e set noticed = true from taken t where e.id = t.id returning e.*
       )
       select e.id as event, e.alarm, e.at, e.kind as what, coalesce(e.severity, a.severity) as severity, a.domain, a.district, a.escalation,
         a.suppressed_by is not null or a.explained
           or exists (select from alarm_shelf s where s.rule = a.rule and s.subject = a.subject and s.until > now())
           or exists (select from alarm_out_of_service o where o.subject = a.subject and o.rule in (a.rule, '*')) as hidden
       from marked e join alarm a on a.id = e.alarm order by e.id`,
      [limit],
    )
    const items = rows.flatMap((r) => (r.hidden ? [] : routesOf(r).map((route) => ({ route, event: r.event, alarm: r.alarm }))))
    if (items.length > 0)
      await client.query(
        `insert into notice_item (route, event, alarm) select u.route, u.event, u.alarm
         from unnest($1::int[], $2::bigint[], $3::text[]) as u(route, event, alarm) join notice_route r on r.id = u.route
         on conflict do nothing`,
        [items.map((i) => i.route), items.map((i) => i.event), items.map((i) => i.alarm)],
      )
    await client.query('commit')
    return rows.length
  } catch (error) {
    await client.query('rollback').catch((failure: unknown) => {
      broken = failure instanceof Error ? failure : new Error(String(failure))
    })
    throw error
  } finally {
    client.release(broken)
  }
}

/** Per route with something to tell: what waits, and when its last messages were made since `since`, newest first. */
export async function loadWaitingNotices(db: Queryable, since: number): Promise<{ route: number; items: NoticeItem[]; made: number[] }[]> {
  const { rows } = await db.query<{ route: number; events: number[]; alarms: string[]; times: number[]; made: number[] }>(
    `select i.route, array_agg(i.event::float8 order by i.event) as events, array_agg(i.alarm order by i.event) as alarms,
       array_agg(extract(epoch from i.at)::float8 * 1000 order by i.event) as times,
       array(select extract(epoch from n.created_at)::float8 * 1000 from notice n
         where n.route = i.route and n.created_at > to_timestamp($1::float8 / 1000) order by n.created_at desc) as made
     from notice_item i where i.notice is null group by i.route order by i.route`,
    [since],
  )
  return rows.map((r) => ({
    route: r.route,
    made: r.made,
    items: r.events.map((event, i) => ({ event, alarm: r.alarms[i] ?? '', at: r.times[i] ?? 0 })),
  }))
}

/** Makes one message of the items; those that another server has taken meanwhile are left out. Null when none is left. */
export async function makeNotice(db: Queryable, route: number, events: readonly number[]): Promise<number | null> {
  const { rows } = await db.query<{ id: number }>(
    `with mine as (
       select event from notice_item where route = $1 and event = any($2::bigint[]) and notice is null for update skip locked
     ), made as (
       insert into notice (route) select $1 where exists (select from mine) returning id
     ), put as (
       update notice_item i set notice = made.id from made, mine where i.route = $1 and i.event = mine.event
     )
     select id from made`,
    [route, events],
  )
  return rows[0]?.id ?? null
}

export interface DueNotice {
  id: number
  route: number
  attempts: number
  createdAt: number
  alarms: NoticeAlarm[]
}
/** What a message says of an alarm. */
export interface NoticeAlarm {
  id: string
  rule: string
  subject: string
  domain: string | null
  station: string | null
  stationName: string | null
  metric: string | null
  severity: Severity
  state: string
  activeAt: string
  value: number | null
  limit: number | null
  unit: string | null
  members: number
  escalation: number
}

/** Messages whose time has come; each is put off by `holdMs` first, so that no other server sends it at the same time. */
export async function takeDueNotices(db: Queryable, limit: number, holdMs: number): Promise<DueNotice[]> {
  const { rows } = await db.query<DueNotice>(
    `with due as (
       select id from notice where state = 'pending' and next_at <= now() order by next_at limit $1 for update skip locked
     ), held as (
       update notice n set attempts = n.attempts + 1, next_at = now() + $2::float8 * interval '1 millisecond' from due where n.id = due.id
       returning n.id, n.route, n.attempts, n.created_at
     )
     select h.id, h.route, h.attempts, h.created_at as "createdAt", (
       select jsonb_agg(distinct jsonb_build_object('id', a.id, 'rule', a.rule, 'subject', a.subject, 'domain', a.domain, 'station', a.station,
         'stationName', s.name, 'metric', a.metric, 'severity', a.severity, 'state', a.state, 'activeAt', a.active_at, 'value', a.value,
         'limit', a.limit_value, 'unit', a.unit, 'members', a.members, 'escalation', a.escalation))
       from notice_item i join alarm a on a.id = i.alarm left join station s on s.code = a.station where i.notice = h.id) as alarms
     from held h order by h.id`,
    [limit, holdMs],
  )
  return rows
}

export async function noticeSent(db: Queryable, id: number): Promise<void> {
  await db.query(`update notice set state = 'sent', sent_at = now(), error = null where id = $1`, [id])
}

/** Tried again after `retryMs`; never again when null. */
export async function noticeFailed(db: Queryable, id: number, error: string, retryMs: number | null): Promise<void> {
  await db.query(
    `update notice set error = $2, state = case when $3::float8 is null then 'failed' else 'pending' end,
       next_at = now() + coalesce($3::float8, 0) * interval '1 millisecond' where id = $1`,
    [id, error.slice(0, 500), retryMs],
  )
}

export interface NoticeRow {
  id: number
  route: string
  at: number
  alarms: number
  state: 'pending' | 'sent' | 'failed'
  attempts: number
  sentAt: number | null
  error: string | null
}

/** The newest messages, newest first. */
export async function loadNotices(db: Queryable, limit: number): Promise<NoticeRow[]> {
  const { rows } = await db.query<NoticeRow>(
    `select n.id, r.name as route, n.created_at as at, n.state, n.attempts, n.sent_at as "sentAt", n.error,
       (select count(distinct i.alarm) from notice_item i where i.notice = n.id)::int as alarms
     from notice n join notice_route r on r.id = n.route order by n.id desc limit $1`,
    [limit],
  )
  return rows
}
