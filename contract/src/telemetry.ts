import Type, { type Static } from 'typebox'
import { Quality } from './reading.ts'

/** Epoch milliseconds, or ISO 8601 with offset. Whether it is a possible time is decided value by value. */
export const TelemetryTime = Type.Union([Type.Number(), Type.String()])

/** A bare value, or one with its quality. Anything else is refused for that value alone. */
export const TelemetryValue = Type.Union([Type.Number(), Type.Object({ value: Type.Unknown(), quality: Type.Optional(Quality) })])

/** Several values of one moment. */
export const TelemetrySample = Type.Object({
  ts: TelemetryTime,
  values: Type.Record(Type.String(), Type.Unknown()),
})
export type TelemetrySample = Static<typeof TelemetrySample>

/** `city/{domain}/{station}/telemetry`: one sample, several (back-fill), or bare values at the time of arrival. */
export const StationTelemetry = Type.Union([TelemetrySample, Type.Array(TelemetrySample), Type.Record(Type.String(), Type.Unknown())])
export type StationTelemetry = Static<typeof StationTelemetry>

/** `v1/gateway/telemetry`, the ThingsBoard gateway shape: station code → samples. */
export const GatewayTelemetry = Type.Record(Type.String(), Type.Array(TelemetrySample))
export type GatewayTelemetry = Static<typeof GatewayTelemetry>
