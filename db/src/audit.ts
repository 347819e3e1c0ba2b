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

export async function addAudit(db: Queryable, records: readonly AuditRecord[]): Promise<void> {
  await db.query(
    `insert into audit (at, actor, account, via, address, action, target, outcome, before, after)
     select to_timestamp(at / 1000), actor, account, via, address, action, target, outcome, nullif(before, 'null'), nullif(after, 'null')
     from jsonb_to_recordset($1::jsonb) as g(at float8, actor text, account int, via text, address text, action text, target text, outcome text,
       before jsonb, after jsonb)`,
    [JSON.stringify(records)],
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
