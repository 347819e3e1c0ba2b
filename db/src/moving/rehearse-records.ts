import { type ImportContext, type ImportRecord, type ImportRefusal, isRefusal, judgeRecord } from '../import-record.ts'

export interface Rehearsed {
  /** By `station metric`. */
  points: Map<string, { rows: number; from: number; to: number }>
  rows: number
  refused: number
}

/** What an import of these records would store and refuse, without a word to the database. */
export async function rehearseRecords(
  records: AsyncIterable<ImportRecord[]>,
  context: ImportContext,
  onRefused: (refusal: ImportRefusal) => void,
): Promise<Rehearsed> {
  const out: Rehearsed = { points: new Map(), rows: 0, refused: 0 }
  for await (const some of records)
    for (const record of some) {
      out.rows += 1
      const verdict = judgeRecord(record, context)
      if (isRefusal(verdict)) {
        out.refused += 1
        onRefused(verdict)
        continue
      }
      const name = `${String(record.station)} ${String(record.metric)}`
      const point = out.points.get(name)
      if (point === undefined) out.points.set(name, { rows: 1, from: verdict.observedAt, to: verdict.observedAt })
      else {
        point.rows += 1
        point.from = Math.min(point.from, verdict.observedAt)
        point.to = Math.max(point.to, verdict.observedAt)
      }
    }
  return out
}

export function rehearsalText({ points, rows, refused }: Rehearsed): string[] {
  const time = (ms: number): string => new Date(ms).toISOString()
  return [
    ...[...points].map(([name, p]) => `readings ${name}: ${p.rows}, ${time(p.from)} to ${time(p.to)}`),
    `${rows} values: ${rows - refused} to be stored as far as they are not there, ${refused} refused`,
  ]
}
