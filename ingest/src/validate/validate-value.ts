import { type DomainCode, type Metric, metricByCode, parseTime, qualities, type RejectionReason, stationCodePattern, telemetryLimits } from '@yiping/contract'
import type { RawValue } from '../decode/decoded.ts'
import type { Mark } from './checks.ts'
import type { KnownPoint, Registry } from './registry.ts'

/** A value that may be stored. Times are epoch ms; `quality` is its stored code. */
export interface ValidReading {
  pointId: number
  observedAt: number
  value: number
  quality: number
  /** Its device says that it is of the past, whatever its time. */
  historical?: true
  /** What made it uncertain, when its device had called it good. */
  mark?: Mark
}
/** A reading whose station or point nobody has registered yet; in order in every other respect. */
export interface HeldReading {
  station: string
  metric: string
  observedAt: number
  value: number
  quality: number
}

interface Refused {
  ok: false
  reason: RejectionReason
  detail: string
  /** Only the registry lacks it: an operator may register it, and what was held comes in. */
  registrable: boolean
}
export type Verdict = { ok: true; reading: ValidReading; point: KnownPoint } | Refused
export type HeldVerdict = { ok: true; reading: HeldReading } | Refused

export interface ValidationContext {
  registry: Registry
  /** Domain that the topic names, null for a gateway. */
  domain: DomainCode | null
  /** Arrival, epoch ms. */
  receivedAt: number
  retentionMs: number
  /** Sparkplug has a type for states; JSON's true and false are no numbers. */
  booleans?: boolean
}

const no = (reason: RejectionReason, detail: string, registrable = false): Refused => ({ ok: false, reason, detail, registrable })
const show = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 60)

/** Checks in this order: station, metric, value, quality, time. Pure: the clock is `receivedAt`. */
export function validateValue(raw: RawValue, context: ValidationContext): Verdict {
  const station = context.registry.get(raw.station)
  if (station === undefined) return no('station_unknown', raw.station, true)
  if (context.domain !== null && station.domain !== context.domain)
    return no('station_unknown', `${raw.station} belongs to ${station.domain}, not ${context.domain}`)
  const point = station.points.get(raw.metric)
  if (point === undefined) return no('metric_unknown', `${raw.station} ${raw.metric}`, true)
  const verdict = validateContent(raw, point.metric, context)
  if (!verdict.ok) return verdict
  const { observedAt, value, quality } = verdict
  const reading: ValidReading = { pointId: point.id, observedAt, value, quality }
  if (raw.historical === true) reading.historical = true
  return { ok: true, point, reading }
}

/** What can be said of a value without the registry; the order of the reasons stays, so an unknown station is told first. */
export function validateUnregistered(raw: RawValue, context: ValidationContext): HeldVerdict {
  const station = context.registry.get(raw.station)
  if (!stationCodePattern.test(raw.station)) return no('station_unknown', `${show(raw.station)}: no station code`)
  const metric = metricByCode.get(raw.metric)
  const reason = station === undefined ? 'station_unknown' : 'metric_unknown'
  if (metric === undefined) return no(reason, `${raw.station} ${show(raw.metric)}: not in the catalogue`)
  const domain = station?.domain ?? context.domain
  if (domain !== null && metric.domain !== domain) return no(reason, `${raw.station} ${raw.metric}: a metric of ${metric.domain}`)
  const verdict = validateContent(raw, metric, context)
  if (!verdict.ok) return verdict
  const { observedAt, value, quality } = verdict
  return { ok: true, reading: { station: raw.station, metric: raw.metric, observedAt, value, quality } }
}

interface Content {
  ok: true
  observedAt: number
  value: number
  quality: number
}

function validateContent(raw: RawValue, metric: Metric, context: ValidationContext): Content | Refused {
  const { physical } = metric
  let value: unknown = raw.value
  let quality: unknown = 'good'
  if (typeof value === 'object' && value !== null && !Array.isArray(value) && 'value' in value) {
    quality = 'quality' in value ? value.quality : 'good'
    value = value.value
  }
  if (context.booleans && typeof value === 'boolean') value = Number(value)
  if (typeof value !== 'number' || !Number.isFinite(value)) return no('value_not_finite', `${raw.metric}=${show(raw.value)}`)
  if (value < physical.min || value > physical.max)
    return no('value_out_of_range', `${raw.metric}=${value}, a sensor reads ${physical.min} to ${physical.max} ${metric.unit}`)
  const code = (qualities as readonly unknown[]).indexOf(quality)
  if (code < 0) return no('payload_malformed', `${raw.metric} quality ${show(quality)}: good, uncertain or bad`)

  const observedAt = raw.ts === undefined ? context.receivedAt : parseTime(raw.ts)
  if (observedAt === null) return no('ts_invalid', `ts ${show(raw.ts)}: epoch ms, or ISO 8601 with offset`)
  const ahead = observedAt - context.receivedAt
  if (ahead > telemetryLimits.maxAheadMs) return no('ts_future', `ts ${show(raw.ts)} is ${Math.round(ahead / 1000)} s ahead of our clock`)
  if (-ahead > context.retentionMs) return no('ts_too_old', `ts ${show(raw.ts)} is older than ${context.retentionMs / 86_400_000} days`)
  return { ok: true, observedAt, value, quality: code }
}
