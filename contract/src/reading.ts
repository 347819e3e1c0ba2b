import Type, { type Static } from 'typebox'

/** Quality of one value, as OPC UA and ThingsBoard users know it. Stored as smallint 0, 1, 2. */
export const qualities = ['good', 'uncertain', 'bad'] as const
export const Quality = Type.Enum(['good', 'uncertain', 'bad'])
export type Quality = Static<typeof Quality>

export const qualityToCode = (quality: Quality): number => qualities.indexOf(quality)
/** Unknown codes read as `bad`: a value whose quality cannot be told is not to be trusted. */
export const qualityFromCode = (code: number): Quality => qualities[code] ?? 'bad'

/**
 * Why a good value was stored as uncertain: outside what is believable, a jump, a line that stands still, a clock that is
 * off. Found by the automatic checks, kept in `quality_mark`.
 */
export const qualityMarks = ['range', 'step', 'flat', 'skew'] as const
export type QualityMark = (typeof qualityMarks)[number]
export const QualityMark = Type.Enum([...qualityMarks])

/**
 * One value of one metric at one station. `observedAt` is the device's time, `receivedAt` ours; both epoch
 * milliseconds, UTC. Identity is (station, metric, observedAt).
 */
export const Reading = Type.Object({
  station: Type.String({ pattern: '^[A-Za-z0-9_.-]{1,64}$' }),
  metric: Type.String(),
  observedAt: Type.Integer(),
  receivedAt: Type.Integer(),
  value: Type.Number(),
  quality: Quality,
})
export type Reading = Static<typeof Reading>

/** Why a reading or a message could not be stored. A closed list: `docs/protocol.md` says what each one means. */
export const rejectionReasons = [
  'topic_unknown',
  'payload_malformed',
  'payload_too_large',
  'station_unknown',
  'metric_unknown',
  'value_not_finite',
  'value_out_of_range',
  'ts_invalid',
  'ts_future',
  'ts_too_old',
] as const
export type RejectionReason = (typeof rejectionReasons)[number]
export const RejectionReason = Type.Enum([...rejectionReasons])

/** Limits of the MQTT interface. */
export const telemetryLimits = {
  maxMessageBytes: 1024 * 1024,
  maxReadingsPerMessage: 10_000,
  /** A reading that is further ahead of our clock than this is refused (`ts_future`). */
  maxAheadMs: 5 * 60_000,
  /** How much of a refused payload the rejection table keeps. */
  rejectionPayloadBytes: 4096,
} as const
