import type { NoticeRouteFields } from '@yiping/contract'
import type { Queryable } from './connection.ts'

export interface NoticeRoute extends Omit<NoticeRouteFields, 'secret'> {
  id: number
  secret: string | null
  pending: number
  lastSentAt: number | null
  lastError: string | null
}

/** All routes with how they fare. Times are epoch ms. */
export async function loadNoticeRoutes(db: Queryable): Promise<NoticeRoute[]> {
  const { rows } = await db.query<NoticeRoute>(
    `select r.id, r.name, r.channel, r.target, r.secret, r.domains, r.districts, r.severities, r.escalation, r.active,
       (select count(*) from notice_item i left join notice n on n.id = i.notice where i.route = r.id and (i.notice is null or n.state = 'pending'))::int as pending,
       (select max(n.sent_at) from notice n where n.route = r.id) as "lastSentAt",
       (select n.error from notice n where n.route = r.id and n.error is not null order by n.id desc limit 1) as "lastError"
     from notice_route r order by r.name`,
  )
  return rows
}

/** Null when the name is taken. */
export async function addNoticeRoute(db: Queryable, r: NoticeRouteFields): Promise<number | null> {
  const { rows } = await db.query<{ id: number }>(
    `insert into notice_route (name, channel, target, secret, domains, districts, severities, escalation, active)
     values ($1, $2, $3, $4, $5, $6, $7, $8, $9) on conflict (name) do nothing returning id`,
    [r.name, r.channel, r.target, r.secret ?? null, r.domains, r.districts, r.severities, r.escalation, r.active],
  )
  return rows[0]?.id ?? null
}

/** Replaces a route; without a secret in `r` a webhook keeps the one that it has. */
export async function changeNoticeRoute(db: Queryable, id: number, r: NoticeRouteFields): Promise<'changed' | 'unknown' | 'name_taken'> {
  const { rows } = await db.query<{ known: boolean; taken: boolean }>(
    `with taken as (select from notice_route where name = $2 and id <> $1), changed as (
       update notice_route set name = $2, channel = $3, target = $4, secret = case when $3 = 'webhook' then coalesce($5, secret) end,
         domains = $6, districts = $7, severities = $8, escalation = $9, active = $10
       where id = $1 and not exists (select from taken) returning id
     )
     select exists (select from notice_route where id = $1) as known, exists (select from taken) and not exists (select from changed) as taken`,
    [id, r.name, r.channel, r.target, r.secret ?? null, r.domains, r.districts, r.severities, r.escalation, r.active],
  )
  const [row] = rows
  return !row?.known ? 'unknown' : row.taken ? 'name_taken' : 'changed'
}

export async function removeNoticeRoute(db: Queryable, id: number): Promise<boolean> {
  const { rowCount } = await db.query('delete from notice_route where id = $1', [id])
  return rowCount === 1
}

export interface DutyShift {
  id: number
  person: string
  email: string
  domains: string[]
  from: number
  to: number
}

/** Shifts that end after `since`, in order of time. */
export async function loadDutyShifts(db: Queryable, since: number): Promise<DutyShift[]> {
  const { rows } = await db.query<DutyShift>(
    `select id, person, email, domains, starts_at as "from", ends_at as "to" from duty_shift
     where ends_at > to_timestamp($1::float8 / 1000) order by starts_at, id`,
    [since],
  )
  return rows
}

export async function addDutyShift(db: Queryable, s: Omit<DutyShift, 'id'>): Promise<number> {
  const { rows } = await db.query<{ id: number }>(
    `insert into duty_shift (person, email, domains, starts_at, ends_at)
     values ($1, $2, $3, to_timestamp($4::float8 / 1000), to_timestamp($5::float8 / 1000)) returning id`,
    [s.person, s.email, s.domains, s.from, s.to],
  )
  const [row] = rows
  if (row === undefined) throw new Error('an insert answered no row')
  return row.id
}

export async function removeDutyShift(db: Queryable, id: number): Promise<boolean> {
  const { rowCount } = await db.query('delete from duty_shift where id = $1', [id])
  return rowCount === 1
}

export async function changeDutyShift(db: Queryable, s: DutyShift): Promise<boolean> {
  const { rowCount } = await db.query(
    `update duty_shift set person = $2, email = $3, domains = $4, starts_at = to_timestamp($5::float8 / 1000), ends_at = to_timestamp($6::float8 / 1000)
     where id = $1`,
    [s.id, s.person, s.email, s.domains, s.from, s.to],
  )
  return rowCount === 1
}
