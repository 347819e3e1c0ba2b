import { type DomainCode, parseTopic, telemetryLimits } from '@yiping/contract'
import type { Decoded, RawValue, Refusal } from './decoded.ts'

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

const utf8 = new TextDecoder('utf-8', { fatal: true })

export interface DecodedMessage extends Decoded {
  /** Domain that the topic names; null for a gateway, whose stations may be of any. */
  domain: DomainCode | null
}

/** Takes a message of the JSON topics apart into values; those of Sparkplug go to its own decoder, which has a memory. Pure; never throws: what is wrong with it is part of the result. */
export function decodeMessage(topicText: string, payload: Buffer): DecodedMessage {
  const topic = parseTopic(topicText)
  const whole = (source: Decoded['source'], refusal: Omit<Refusal, 'readings'>): DecodedMessage => ({
    source,
    domain: null,
    received: 1,
    values: [],
    refusals: [{ ...refusal, readings: 1 }],
  })
  if (topic === null || topic.kind === 'vehicle' || topic.kind === 'sparkplug')
    return whole('unknown', { reason: 'topic_unknown', detail: topic === null ? 'no such topic' : `${topic.kind} topics are not taken in by this version` })
  const source = topic.kind
  if (payload.length > telemetryLimits.maxMessageBytes)
    return whole(source, { reason: 'payload_too_large', detail: `${payload.length} bytes, at most ${telemetryLimits.maxMessageBytes}` })
  let json: unknown
  try {
    json = JSON.parse(utf8.decode(payload))
  } catch (error) {
    return whole(source, { reason: 'payload_malformed', detail: error instanceof Error ? error.message : 'not JSON' })
  }
  const values: RawValue[] = []
  const refusals: Refusal[] = []
  const malformed = (detail: string): void => void refusals.push({ reason: 'payload_malformed', detail, readings: 1 })

  const sample = (station: string, item: unknown, where: string): void => {
    if (!isObject(item) || !isObject(item.values) || !('ts' in item)) return malformed(`${where}: expected {"ts", "values": {…}}`)
    valuesOf(station, item.ts, item.values, where)
  }
  const valuesOf = (station: string, ts: unknown, record: Record<string, unknown>, where: string): void => {
    const entries = Object.entries(record)
    if (entries.length === 0) return malformed(`${where}: no values`)
    for (const [metric, value] of entries) values.push({ station, metric, ts, value })
  }

  if (topic.kind === 'telemetry') {
    if (Array.isArray(json)) {
      if (json.length === 0) malformed('an empty array')
      for (const [i, item] of json.entries()) sample(topic.station, item, `[${i}]`)
    } else if (isObject(json)) {
      if (isObject(json.values)) valuesOf(topic.station, json.ts, json.values, 'values')
      else valuesOf(topic.station, undefined, json, 'object')
    } else malformed('expected an object or an array')
  } else if (isObject(json)) {
    const stations = Object.entries(json)
    if (stations.length === 0) malformed('no stations')
    for (const [station, items] of stations) {
      if (!Array.isArray(items) || items.length === 0) malformed(`${station}: expected a list of samples`)
      else for (const [i, item] of items.entries()) sample(station, item, `${station}[${i}]`)
    }
  } else malformed('expected {"STATION": [{"ts", "values"}]}')

  const received = values.length + refusals.length
  if (received > telemetryLimits.maxReadingsPerMessage)
    return {
      source,
      domain: null,
      received,
      values: [],
      refusals: [{ reason: 'payload_too_large', detail: `${received} readings, at most ${telemetryLimits.maxReadingsPerMessage}`, readings: received }],
    }
  return { source, domain: topic.kind === 'telemetry' ? topic.domain : null, received, values, refusals }
}
