import type { Quality, RejectionReason } from '@yiping/contract'
import type { WireInteger, WireMetric } from './sparkplug-payload.ts'

/** Datatype codes of the specification that stand for one value. */
export const datatypes = {
  Int8: 1,
  Int16: 2,
  Int32: 3,
  Int64: 4,
  UInt8: 5,
  UInt16: 6,
  UInt32: 7,
  UInt64: 8,
  Float: 9,
  Double: 10,
  Boolean: 11,
  String: 12,
  DateTime: 13,
  Text: 14,
  UUID: 15,
} as const

const integers = new Map<number, { name: string; bits: number; signed: boolean }>([
  [datatypes.Int8, { name: 'Int8', bits: 8, signed: true }],
  [datatypes.Int16, { name: 'Int16', bits: 16, signed: true }],
  [datatypes.Int32, { name: 'Int32', bits: 32, signed: true }],
  [datatypes.Int64, { name: 'Int64', bits: 64, signed: true }],
  [datatypes.UInt8, { name: 'UInt8', bits: 8, signed: false }],
  [datatypes.UInt16, { name: 'UInt16', bits: 16, signed: false }],
  [datatypes.UInt32, { name: 'UInt32', bits: 32, signed: false }],
  [datatypes.UInt64, { name: 'UInt64', bits: 64, signed: false }],
  // Epoch milliseconds; UInt64 by the letter, but a time before 1970 comes as a negative number.
  [datatypes.DateTime, { name: 'DateTime', bits: 64, signed: true }],
])

export type ValueRead = { ok: true; value: number | boolean | string | null } | { ok: false; reason: RejectionReason; detail: string }
const yes = (value: number | boolean | string | null): ValueRead => ({ ok: true, value })
const no = (detail: string, reason: RejectionReason = 'payload_malformed'): ValueRead => ({ ok: false, reason, detail })

/**
 * The integer of a metric or property as the wire has it, unsigned. Implementations differ over which field UInt32 and
 * the 64-bit types go into, so either is read.
 */
export const wireInteger = (from: WireInteger): bigint | null => from.longValue ?? (from.intValue === undefined ? null : BigInt(from.intValue))

/**
 * Negative numbers come as two's complement, of their own width from some devices, stretched to 32 or 64 bits from
 * others. Null when the number fits the type in none of them.
 */
function signed(raw: bigint, bits: number): bigint | null {
  const half = 1n << BigInt(bits - 1)
  for (const width of [bits, 32, 64]) {
    if (width < bits || raw >> BigInt(width) !== 0n) continue
    const value = BigInt.asIntN(width, raw)
    if (value >= -half && value < half) return value
  }
  return null
}

function readInteger(metric: WireMetric, type: { name: string; bits: number; signed: boolean }): ValueRead {
  const raw = wireInteger(metric)
  if (raw === null) return no(`${type.name} without an integer`)
  const value = type.signed ? signed(raw, type.bits) : raw >> BigInt(type.bits) === 0n ? raw : null
  if (value === null) return no(`${raw} is no ${type.name}`)
  const exact = Number(value)
  // Beyond 2^53 a number would silently become its neighbour.
  return Number.isSafeInteger(exact) ? yes(exact) : no(`${type.name} ${value} cannot be kept exactly`, 'value_not_finite')
}

/**
 * The shortest decimal that is this 32-bit float: a device that measured 0.14 means 0.14 and not 0.14000000059604645,
 * which a limit of 0.14 would find exceeded.
 */
export function shortestFloat(value: number): number {
  if (Number.isInteger(value) || !Number.isFinite(value)) return value
  for (let digits = 6; digits < 9; digits += 1) {
    const short = Number(value.toPrecision(digits))
    if (Math.fround(short) === value) return short
  }
  return Number(value.toPrecision(9))
}

/**
 * The value of a metric. `datatype` is what its birth said, undefined when there was none: then a float, boolean or
 * text is taken for what its field says, and an integer is refused, since nobody can tell 255 from -1.
 */
export function readValue(metric: WireMetric, datatype: number | undefined): ValueRead {
  if (metric.isNull) return yes(null)
  const integer = datatype === undefined ? undefined : integers.get(datatype)
  if (integer) return readInteger(metric, integer)
  switch (datatype) {
    case datatypes.Float:
    case datatypes.Double:
      if (metric.doubleValue !== undefined) return yes(metric.doubleValue)
      return metric.floatValue === undefined ? no('a float without its value') : yes(shortestFloat(metric.floatValue))
    case datatypes.Boolean:
      return metric.booleanValue === undefined ? no('a boolean without its value') : yes(metric.booleanValue)
    case datatypes.String:
    case datatypes.Text:
    case datatypes.UUID:
      return metric.stringValue === undefined ? no('a text without its value') : yes(metric.stringValue)
    case undefined:
      return untyped(metric)
    default:
      return no(`datatype ${datatype} is no single value`, 'value_not_finite')
  }
}

function untyped(metric: WireMetric): ValueRead {
  if (metric.doubleValue !== undefined) return yes(metric.doubleValue)
  if (metric.floatValue !== undefined) return yes(shortestFloat(metric.floatValue))
  if (metric.booleanValue !== undefined) return yes(metric.booleanValue)
  if (metric.stringValue !== undefined) return yes(metric.stringValue)
  if (wireInteger(metric) !== null) return no('an integer whose datatype no birth has told')
  if (metric.bytesValue ?? metric.datasetValue ?? metric.templateValue) return no('bytes, a data set or a template is no single value', 'value_not_finite')
  return no('no value')
}

/**
 * Quality as Ignition's modules send it in the property `Quality`, null when there is none: 192 to 255 good (as in OPC),
 * 64 to 127 and 256 to 511 uncertain (500 is "stale": the last known value), everything else bad.
 */
export function readQuality(metric: WireMetric): Quality | null {
  const at = metric.properties?.keys?.findIndex((key) => key === 'Quality' || key === 'quality') ?? -1
  const property = metric.properties?.values?.[at]
  const code = property === undefined || property.isNull ? null : wireInteger(property)
  if (code === null) return null
  if (code >= 192n && code < 256n) return 'good'
  return (code >= 64n && code < 128n) || (code >= 256n && code < 512n) ? 'uncertain' : 'bad'
}
