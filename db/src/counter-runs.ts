import { type CounterCorrection, type CounterLevel, type CounterLimits, CounterRun, isPlainPair, type PlainStart } from '@yiping/contract'
import type { Queryable } from './connection.ts'

export interface CountedPoint {
  id: number
  limits: CounterLimits
}

/** What a meter counted otherwise than by differences, from … to (epoch ms, both included): all that there is to say of that stretch. */
export interface CounterStretch {
  pointId: number
  from: number
  to: number
  corrections: CounterCorrection[]
}

interface KnownReading extends CounterLevel {
  /** What is kept says that what follows it rests on more than the reading and the one before it. */
  open: boolean
}

/** How far back a plain pair is looked for at first, and at most: a meter of whose readings none agrees with the next begins anew there. */
const depths = [8, 2048]
/** Readings beyond the span in which a meter is to count plainly again; where it does not, all of them. */
const beyond = [50, 1_000_000]

/** The same by point, in order of time. */
async function readingsOf(db: Queryable, ids: readonly number[], sql: string, values: unknown[]): Promise<Map<number, KnownReading[]>> {
  const out = new Map<number, KnownReading[]>(ids.map((id) => [id, []]))
  if (ids.length === 0) return out
  const { rows } = await db.query<{ id: number; at: number; value: number; open: boolean }>(
    `select p.id, r.at, r.value, coalesce(k.open, false) as open ${sql}
     left join counter_correction k on k.point_id = p.id and k.at = r.at order by p.id, r.at`,
    values,
  )
  for (const { id, at, value, open } of rows) out.get(id)?.push({ at, value, open })
  return out
}

/**
 * Where to begin so that nothing before it matters: at the newer of two readings after both of which the meter counted plainly. Null: at the
 * first of `readings`, as though it were the meter's first.
 */
function startIn(readings: readonly KnownReading[], all: boolean, limits: CounterLimits): { start: PlainStart | null; from: number } | null {
  for (let i = readings.length - 1; i > 0; i -= 1) {
    const [own, last, before] = [readings[i], readings[i - 1], readings[i - 2]]
    if (!own || !last || own.open || last.open || !isPlainPair(last, own, limits)) continue
    if (before) return { start: { before: { at: before.at, value: before.value }, last: { at: last.at, value: last.value } }, from: own.at }
    if (all) return { start: { before: null, last: { at: last.at, value: last.value } }, from: own.at }
  }
  return all && readings[0] ? { start: null, from: readings[0].at } : null
}

/**
 * Follows the rule of meters through from ≤ t < to (epoch ms), and on until they count plainly and did so before, at most up to `until`. It
 * begins where they did, before `from`.
 */
export async function runCounters(
  db: Queryable,
  points: readonly CountedPoint[],
  { from, to, until }: { from: number; to: number; until: number },
): Promise<CounterStretch[]> {
  const starts = new Map<number, { start: PlainStart | null; from: number }>()
  for (const [i, depth] of depths.entries()) {
    const open = points.filter((p) => !starts.has(p.id))
    const before = await readingsOf(
      db,
      open.map((p) => p.id),
      `from unnest($1::int[]) as p(id) cross join lateral (
         select observed_at as at, value from plain_reading
         where point_id = p.id and quality < 2 and observed_at < to_timestamp($2::float8 / 1000) order by observed_at desc limit $3
       ) r`,
      [open.map((p) => p.id), from, depth],
    )
    for (const { id, limits } of open) {
      const readings = before.get(id) ?? []
      const last = i === depths.length - 1
      const found = startIn(readings, readings.length < depth || last, limits) ?? (last || readings.length < depth ? { start: null, from } : null)
      if (found) starts.set(id, found)
    }
  }
  const stretches: CounterStretch[] = []
  let left = [...points]
  for (const [i, most] of beyond.entries()) {
    const forward = await readingsOf(
      db,
      left.map((p) => p.id),
      `from unnest($1::int[], $2::float8[]) as p(id, since) cross join lateral (
         (select observed_at as at, value from plain_reading
          where point_id = p.id and quality < 2 and observed_at >= to_timestamp(p.since / 1000) and observed_at < to_timestamp($3::float8 / 1000))
         union all
         (select observed_at, value from plain_reading
          where point_id = p.id and quality < 2 and observed_at >= to_timestamp($3::float8 / 1000) and observed_at < to_timestamp($4::float8 / 1000)
          order by observed_at limit $5)
       ) r`,
      [left.map((p) => p.id), left.map((p) => starts.get(p.id)?.from ?? from), to, until, most],
    )
    const unsettled: CountedPoint[] = []
    for (const point of left) {
      const own = starts.get(point.id) ?? { start: null, from }
      const readings = forward.get(point.id) ?? []
      const complete = readings.filter((r) => r.at >= to).length < most || i === beyond.length - 1
      const stretch = follow(point, own, readings, to, complete ? until - 1 : null)
      if (stretch) stretches.push(stretch)
      else unsettled.push(point)
    }
    left = unsettled
  }
  return stretches
}

/** `end`: up to where all readings are given; null when there are more of them, and then it must have settled before. */
function follow(
  { id, limits }: CountedPoint,
  { start, from }: { start: PlainStart | null; from: number },
  readings: readonly KnownReading[],
  to: number,
  end: number | null,
): CounterStretch | null {
  const run = new CounterRun(limits, start)
  let settled: number | null = null
  let last: { at: number; plain: boolean } | null = null
  for (const { at, value, open } of readings) {
    const step = run.take({ at, value, quality: 'good' })
    const plain = !open && step?.open === false
    // What comes later may still correct the reading that the meter stands at, and none before it.
    if (plain && last?.plain && last.at >= to) {
      settled = last.at
      break
    }
    last = { at, plain }
  }
  const upTo = settled ?? end
  if (upTo === null) return null
  const corrections = [...run.corrections.values()].filter((c) => c.at >= from && c.at <= upTo && (c.open || c.correction !== 0))
  return { pointId: id, from, to: upTo, corrections }
}
