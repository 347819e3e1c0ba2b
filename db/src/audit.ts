import type { Queryable } from './connection.ts'

export interface AuditRecord {
  at: number
  actor: string
  account: number | null
  via: 'session' | 'token' | 'screen' | 'nobody'
  address: string | null
  action: string
  target: string | null
  outcome: string
  /** Without secrets: whoever may read the log may read these. */
  before: unknown
  after: unknown
}
export interface AuditRow extends AuditRecord {
  id: number
}

export async function addAudit(db: Queryable, r: AuditRecord): Promise<void> {
  const json = (value: unknown): string | null => (value === undefined || value === null ? null : JSON.stringify(value))
  await db.query(
    `insert into audit (at, actor, account, via, address, action, target, outcome, before, after)
     values (to_timestamp($1::float8 / 1000), $2, $3, $4, $5, $6, $7, $8, $9::jsonb, $10::jsonb)`,
    [r.at, r.actor, r.account, r.via, r.address, r.action, r.target, r.outcome, json(r.before), json(r.after)],
  )
}

export interface AuditQuery {
  from: number | null
  to: number | null
  actor: string | null
  /** `alarm` is `alarm.ack`, `alarm.shelve`, …; `alarm.ack` is itself. */
  action: string | null
  /** Anywhere in actor, target, or what it was and became. */
  text: string | null
  /** Only what is older than this entry. */
  before: number | null
  limit: number
}

/** Newest first. */
export async function loadAudit(db: Queryable, q: AuditQuery): Promise<AuditRow[]> {
  const { rows } = await db.query<AuditRow>(
    `select id, at, actor, account, via, address, action, target, outcome, before, after from audit
     where ($1::float8 is null or at >= to_timestamp($1::float8 / 1000)) and ($2::float8 is null or at < to_timestamp($2::float8 / 1000))
       and ($3::text is null or lower(actor) = lower($3)) and ($4::text is null or action = $4 or starts_with(action, $4 || '.'))
       and ($5::text is null or position(lower($5) in lower(concat_ws(' ', actor, target, before::text, after::text))) > 0)
       and ($6::bigint is null or id < $6)
     order by id desc limit $7`,
    [q.from, q.to, q.actor, q.action, q.text, q.before, q.limit],
  )
  return rows
}
