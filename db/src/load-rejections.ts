import type { RejectionReason } from '@yiping/contract'
import type { Queryable } from './connection.ts'

export interface RejectionAnswerRow {
  id: number
  at: number
  source: string
  topic: string
  reason: RejectionReason
  detail: string | null
  readings: number
  payload: Buffer
}

/** Newest first; `before` is the id to continue below. */
export async function loadRejections(db: Queryable, filter: { reason?: RejectionReason; before?: number; limit: number }): Promise<RejectionAnswerRow[]> {
  const { rows } = await db.query<RejectionAnswerRow>(
    `select id, at, source, topic, reason, detail, readings, payload from rejection
     where ($1::bigint is null or id < $1) and ($2::text is null or reason = $2)
     order by id desc limit $3`,
    [filter.before ?? null, filter.reason ?? null, filter.limit],
  )
  return rows
}
