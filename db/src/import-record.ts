import { parseTime, qualities, type RejectionReason, telemetryLimits } from '@yiping/contract'
import type { CopyRow } from './copy-binary.ts'

/** A line or row of a file as it stands there. `text` is what a refusal keeps of it. */
export interface ImportRecord {
  line: number
  text: string | (() => string)
  /** It is no record at all. */
  fault?: string
  station?: unknown
  metric?: unknown
  time?: unknown
  value?: unknown
  /** Without that column every reading is good. */
  quality?: unknown
}
export interface ImportPoint {
  id: number
  /** What the sensor can physically read. */
  physical: { min: number; max: number }
}
export interface ImportContext {
  /** The points of a station by metric; undefined: nobody has registered it. */
  station: (code: string) => ReadonlyMap<string, ImportPoint> | undefined
  now: number
  /** Readings older than this are refused, ms. */
  retentionMs: number
}
export interface ImportRefusal {
  line: number
  reason: RejectionReason
  detail: string
  text: string
}

const codes = new Map<unknown, number>([...qualities.map((q, i) => [q, i] as const), ['0', 0], ['1', 1], ['2', 2], [0, 0], [1, 1], [2, 2]])
const numeric = (value: unknown): number => (typeof value === 'string' && value.trim() !== '' ? Number(value) : typeof value === 'number' ? value : Number.NaN)
const show = (value: unknown): string => String(value).slice(0, 60)

/** The same checks as those of a message, in the same order: station, metric, value, quality, time. */
export function judgeRecord(record: ImportRecord, { station, now, retentionMs }: ImportContext): CopyRow | ImportRefusal {
  const no = (reason: RejectionReason, detail: string): ImportRefusal => ({
    line: record.line,
    reason,
    detail,
    text: typeof record.text === 'string' ? record.text : record.text(),
  })
  if (record.fault !== undefined) return no('payload_malformed', record.fault)
  const points = station(String(record.station))
  if (points === undefined) return no('station_unknown', show(record.station))
  const point = points.get(String(record.metric))
  if (point === undefined) return no('metric_unknown', `${show(record.station)} ${show(record.metric)}`)
  const value = numeric(record.value)
  if (!Number.isFinite(value)) return no('value_not_finite', show(record.value))
  if (value < point.physical.min || value > point.physical.max)
    return no('value_out_of_range', `${value} is outside ${point.physical.min} to ${point.physical.max}`)
  const quality = record.quality === undefined ? 0 : codes.get(record.quality)
  if (quality === undefined) return no('payload_malformed', `quality ${show(record.quality)}`)
  const observedAt = parseTime(record.time)
  if (observedAt === null) return no('ts_invalid', show(record.time))
  if (observedAt > now + telemetryLimits.maxAheadMs) return no('ts_future', show(record.time))
  if (observedAt < now - retentionMs) return no('ts_too_old', `${show(record.time)} is older than ${retentionMs / 86_400_000} days`)
  return { pointId: point.id, observedAt, value, quality }
}

export const isRefusal = (verdict: CopyRow | ImportRefusal): verdict is ImportRefusal => 'reason' in verdict
