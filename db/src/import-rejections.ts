import { telemetryLimits } from '@yiping/contract'
import type { Queryable } from './connection.ts'
import type { ImportRefusal } from './import-record.ts'

/** Lines that one row names; how many there were in all it says besides. */
const namedLines = 200

/** What could not be stored of a batch: a row of `rejection` for each reason, with its lines and as many of them as fit. */
export async function storeImportRefusals(db: Queryable, file: string, refusals: readonly ImportRefusal[], at: number): Promise<void> {
  const byReason = new Map<string, ImportRefusal[]>()
  for (const refusal of refusals) {
    const list = byReason.get(refusal.reason)
    if (list) list.push(refusal)
    else byReason.set(refusal.reason, [refusal])
  }
  for (const [reason, list] of byReason) {
    const lines = list.slice(0, namedLines).map((r) => r.line)
    const more = list.length > namedLines ? ` and ${list.length - namedLines} more` : ''
    const text = Buffer.from(
      list
        .slice(0, namedLines)
        .map((r) => r.text)
        .join('\n'),
    )
    await db.query(
      `insert into rejection (at, source, topic, reason, detail, readings, payload)
       values (to_timestamp($1::float8 / 1000), 'import', $2, $3, $4, $5, $6)`,
      [at, file, reason, `${list[0]?.detail ?? ''} (line ${lines.join(', ')}${more})`, list.length, text.subarray(0, telemetryLimits.rejectionPayloadBytes)],
    )
  }
}
