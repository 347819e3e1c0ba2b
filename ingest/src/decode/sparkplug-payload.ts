import type { RejectionReason } from '@yiping/contract'
import protobuf from 'protobufjs/light.js'

const optional = (type: string, id: number) => ({ type, id })
const repeated = (type: string, id: number) => ({ rule: 'repeated', type, id })

/**
 * Field numbers of a Sparkplug B payload (specification 3.0, chapter 6), as far as readings need them. What is not
 * named is skipped by its wire type. Nested data sets, templates and property sets are named as bytes, which they are on
 * the wire: so that one can say "a template" without a message of our own going as deep as the sender likes.
 */
const schema = {
  nested: {
    Payload: {
      // Else the library takes proto3, where a zero and an absent field are the same.
      edition: 'proto2',
      fields: { timestamp: optional('uint64', 1), metrics: repeated('Metric', 2), seq: optional('uint64', 3), uuid: optional('string', 4) },
      nested: {
        Metric: {
          fields: {
            name: optional('string', 1),
            alias: optional('uint64', 2),
            timestamp: optional('uint64', 3),
            datatype: optional('uint32', 4),
            isHistorical: optional('bool', 5),
            isNull: optional('bool', 7),
            properties: optional('PropertySet', 9),
            intValue: optional('uint32', 10),
            longValue: optional('uint64', 11),
            floatValue: optional('float', 12),
            doubleValue: optional('double', 13),
            booleanValue: optional('bool', 14),
            stringValue: optional('string', 15),
            bytesValue: optional('bytes', 16),
            datasetValue: optional('bytes', 17),
            templateValue: optional('bytes', 18),
          },
        },
        PropertySet: { fields: { keys: repeated('string', 1), values: repeated('PropertyValue', 2) } },
        PropertyValue: {
          fields: { type: optional('uint32', 1), isNull: optional('bool', 2), intValue: optional('uint32', 3), longValue: optional('uint64', 4) },
        },
      },
    },
  },
}

/** An integer as the wire has it: unsigned, whatever its datatype says. */
export interface WireInteger {
  intValue?: number
  longValue?: bigint
}
export interface WireProperty extends WireInteger {
  isNull?: boolean
}
/** A field is there exactly when the message has it: absent and 0 are two things (alias 0, timestamp 0). */
export interface WireMetric extends WireInteger {
  name?: string
  alias?: bigint
  /** Epoch ms. */
  timestamp?: bigint
  datatype?: number
  isHistorical?: boolean
  isNull?: boolean
  properties?: { keys?: string[]; values?: WireProperty[] }
  floatValue?: number
  doubleValue?: number
  booleanValue?: boolean
  stringValue?: string
  bytesValue?: Uint8Array
  datasetValue?: Uint8Array
  templateValue?: Uint8Array
}
export interface WirePayload {
  /** Epoch ms. */
  timestamp?: bigint
  metrics?: WireMetric[]
  seq?: bigint
  uuid?: string
}

export type PayloadRead = { ok: true; payload: WirePayload } | { ok: false; reason: RejectionReason; detail: string; readings: number }

const payloadType = protobuf.Root.fromJSON(schema).lookupType('Payload')
const metricsField = 2
/** Eclipse Tahu's mark of a payload that is packed into `body`. */
const compressed = 'SPBV1.0_COMPRESSED'

/** Counts before anything is built: a megabyte of empty metrics would become half a million objects. */
function countMetrics(bytes: Uint8Array): number {
  const reader = protobuf.Reader.create(bytes)
  let count = 0
  while (reader.pos < reader.len) {
    const tag = reader.uint32()
    if (tag >>> 3 === metricsField) count += 1
    reader.skipType(tag & 7)
  }
  return count
}

/** Reads a payload. Pure; never throws: what is wrong with it is the result. */
export function readPayload(bytes: Uint8Array, limits: { maxMessageBytes: number; maxReadingsPerMessage: number }): PayloadRead {
  const no = (reason: RejectionReason, detail: string, readings = 1): PayloadRead => ({ ok: false, reason, detail, readings })
  if (bytes.length > limits.maxMessageBytes) return no('payload_too_large', `${bytes.length} bytes, at most ${limits.maxMessageBytes}`)
  // Protobuf reads nothing as a message without fields; every message of Sparkplug has at least one.
  if (bytes.length === 0) return no('payload_malformed', 'an empty payload')
  try {
    const count = countMetrics(bytes)
    if (count > limits.maxReadingsPerMessage) return no('payload_too_large', `${count} metrics, at most ${limits.maxReadingsPerMessage}`, count)
    const payload: WirePayload = payloadType.toObject(payloadType.decode(bytes), { longs: BigInt })
    if (payload.uuid === compressed) return no('payload_malformed', 'compressed payloads are not taken in')
    return { ok: true, payload }
  } catch (error) {
    return no('payload_malformed', `not a Sparkplug B payload: ${error instanceof Error ? error.message : 'unreadable'}`)
  }
}

/** The inverse of `readPayload`, for what we say to an edge. */
export const writePayload = (payload: WirePayload): Uint8Array => payloadType.encode(payloadType.fromObject(payload)).finish()
