import { isAscii } from 'node:buffer'
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
  if (topic === null || topic.kind === 'vehicle' || topic.kind === 'sparkplug')
    return whole('unknown', 'topic_unknown', topic === null ? 'no such topic' : `${topic.kind} topics are not taken in by this version`)
  const source = topic.kind
  if (payload.length > telemetryLimits.maxMessageBytes)
    return whole(source, 'payload_too_large', `${payload.length} bytes, at most ${telemetryLimits.maxMessageBytes}`)
  let json: unknown
  try {
    // A decoder that checks takes longer than to see that there is nothing to check.
    json = JSON.parse(isAscii(payload) ? payload.toString('latin1') : utf8.decode(payload))
  } catch (error) {
    return whole(source, 'payload_malformed', error instanceof Error ? error.message : 'not JSON')
  }
  const parts: Parts = { values: [], refusals: [] }
  if (topic.kind === 'telemetry') takeTelemetry(parts, topic.station, json)
  else takeGateway(parts, json)

  const { values, refusals } = parts
  const received = values.length + refusals.length
  if (received > telemetryLimits.maxReadingsPerMessage)
    return whole(source, 'payload_too_large', `${received} readings, at most ${telemetryLimits.maxReadingsPerMessage}`, received)
  return { source, domain: topic.kind === 'telemetry' ? topic.domain : null, received, values, refusals }
}

interface Parts {
  values: RawValue[]
  refusals: Refusal[]
}

/** A message of which nothing can be taken. */
const whole = (source: Decoded['source'], reason: Refusal['reason'], detail: string, readings = 1): DecodedMessage => ({
  source,
  domain: null,
  received: readings,
  values: [],
  refusals: [{ reason, detail, readings }],
})

const malformed = (to: Parts, detail: string): void => void to.refusals.push({ reason: 'payload_malformed', detail, readings: 1 })

function takeTelemetry(to: Parts, station: string, json: unknown): void {
  if (Array.isArray(json)) {
    if (json.length === 0) malformed(to, 'an empty array')
    for (const [i, item] of json.entries()) takeSample(to, station, item, '', i)
  } else if (isObject(json)) {
    if (isObject(json.values)) takeValues(to, station, json.ts, json.values, 'values')
    else takeValues(to, station, undefined, json, 'object')
  } else malformed(to, 'expected an object or an array')
}

function takeGateway(to: Parts, json: unknown): void {
  if (!isObject(json)) return malformed(to, 'expected {"STATION": [{"ts", "values"}]}')
  const stations = Object.keys(json)
  if (stations.length === 0) malformed(to, 'no stations')
  for (const station of stations) {
    const items = json[station]
    if (!Array.isArray(items) || items.length === 0) malformed(to, `${station}: expected a list of samples`)
    else for (const [i, item] of items.entries()) takeSample(to, station, item, station, i)
  }
}

function takeSample(to: Parts, station: string, item: unknown, list: string, i: number): void {
  if (!isObject(item) || !isObject(item.values) || !('ts' in item)) return malformed(to, `${list}[${i}]: expected {"ts", "values": {…}}`)
  takeValues(to, station, item.ts, item.values, list, i)
}

function takeValues(to: Parts, station: string, ts: unknown, record: Record<string, unknown>, where: string, i?: number): void {
  const metrics = Object.keys(record)
  if (metrics.length === 0) return malformed(to, `${where}${i === undefined ? '' : `[${i}]`}: no values`)
  for (const metric of metrics) to.values.push({ station, metric, ts, value: record[metric] })
}
