import { type RejectionReason, telemetryLimits } from '@yiping/contract'
import type { RejectionRow } from '@yiping/db'
import type { DecodedMessage } from '../decode/decode-message.ts'
import { type AutomaticChecks, markedQuality } from './checks.ts'
import type { Registry } from './registry.ts'
import { type HeldReading, type ValidReading, validateUnregistered, validateValue } from './validate-value.ts'
import type { WaitingRoom } from './waiting-room.ts'

/** What a message says of a station or metric that nobody has registered. */
export interface Sighting {
  station: string
  metric: string
  /** Domain that the topic or the metric names. */
  domain: string | null
  times: number
  sample: string
}

/** What a message of Sparkplug says of stations' links. */
export interface LinkWord {
  station: string
  online: boolean
}

/** A message with its verdicts: what is spooled, and stored by one statement. */
export interface Ticket {
  source: string
  receivedAt: number
  /** As the decoder counted; must equal readings + held readings + refused readings. */
  received: number
  readings: ValidReading[]
  rejections: RejectionRow[]
  held: HeldReading[]
  sightings: Sighting[]
  links: LinkWord[]
  /** Back-fill, or one message of a flood: it gives way to live ones. */
  late: boolean
}

/** A message whose newest reading is older than this is back-fill, ms. */
export const lateAfterMs = 10 * 60_000

/** Shared by all tickets that have none of it. */
const none: never[] = []
type Refused = Map<RejectionReason, { readings: number; held: number; detail: string }>

/**
 * A large message of back-fill as it came: taken apart when its turn comes to be stored, so that live messages behind it
 * on the same connection do not wait for its thousand readings.
 */
export interface RawMessage extends MessageParts {
  raw: true
  late: true
  /** Readings that it may hold, by its size: how much room it takes. */
  received: number
}

export type Entry = Ticket | RawMessage
export const isRaw = (entry: object): entry is RawMessage => 'raw' in entry

/** Smaller ones are taken apart at once. */
export const rawFromBytes = 2048
const bytesPerReading = 36
/** Where the first and the last time of a message stand, give or take. */
const peekBytes = 256
const timePattern = /"ts"\s*:\s*(\d{12,14})\s*[,}]/g

/** The message as back-fill in the rough, when it is large and its first and last times are old; else null. */
export function asRaw(message: MessageParts): RawMessage | null {
  const { topic, payload, receivedAt } = message
  if (payload.length < rawFromBytes || payload.length > telemetryLimits.maxMessageBytes) return null
  const ends = [payload.toString('latin1', 0, peekBytes), payload.toString('latin1', payload.length - peekBytes)]
  const times = ends.map((text) => Math.max(...Array.from(text.matchAll(timePattern), (m) => Number(m[1]))))
  // A time that is not found is minus infinity here, and a message without one is of now.
  if (!times.every((t) => Number.isFinite(t) && receivedAt - t > lateAfterMs)) return null
  return { raw: true, late: true, topic, payload, receivedAt, received: Math.ceil(payload.length / bytesPerReading) }
}

const clean = (text: string): string => text.replaceAll('\0', '\uFFFD')
const sampleOf = (value: unknown): string => clean(JSON.stringify(value) ?? String(value)).slice(0, 200)

export interface MessageParts {
  topic: string
  payload: Buffer
  receivedAt: number
}

/** `checks` remember: a message is to be made into a ticket once. */
export function toTicket(
  message: MessageParts,
  decoded: DecodedMessage & { links?: LinkWord[] },
  registry: Registry,
  room: WaitingRoom,
  retentionMs: number,
  checks: AutomaticChecks,
): Ticket {
  const context = { registry, domain: decoded.domain, receivedAt: message.receivedAt, retentionMs, booleans: decoded.source === 'sparkplug' }
  const readings: ValidReading[] = []
  const held: HeldReading[] = []
  // Made when they are needed: nearly every message has neither.
  let sightings: Map<string, Sighting> | null = null
  let refused = null as Refused | null
  const refuse = (reason: RejectionReason, detail: string, count: number, heldCount = 0): void => {
    refused ??= new Map()
    const entry = refused.get(reason)
    if (entry) {
      entry.readings += count
      entry.held += heldCount
    } else refused.set(reason, { readings: count, held: heldCount, detail })
  }
  for (const r of decoded.refusals) refuse(r.reason, r.detail, r.readings)
  let newestAt = 0
  for (const raw of decoded.values) {
    const verdict = validateValue(raw, context)
    if (verdict.ok) {
      const { reading, point } = verdict
      const { observedAt, value } = reading
      const mark = checks.check(point, { observedAt, receivedAt: message.receivedAt, value, quality: reading.quality })
      const quality = markedQuality(reading.quality, mark)
      if (mark !== null && quality !== reading.quality) reading.mark = mark
      reading.quality = quality
      readings.push(reading)
      if (reading.observedAt > newestAt) newestAt = reading.observedAt
      continue
    }
    if (!verdict.registrable) {
      refuse(verdict.reason, verdict.detail, 1)
      continue
    }
    const unregistered = validateUnregistered(raw, context)
    const place = room.admit(raw.station, raw.metric, unregistered.ok)
    if (place !== 'full') {
      const key = `${raw.station} ${raw.metric}`
      sightings ??= new Map()
      const seen = sightings.get(key)
      if (seen) seen.times += 1
      else sightings.set(key, { station: raw.station, metric: clean(raw.metric), domain: decoded.domain, times: 1, sample: sampleOf(raw.value) })
    }
    if (!unregistered.ok) refuse(unregistered.reason, unregistered.detail, 1)
    else if (place === 'held') {
      held.push(unregistered.reading)
      if (unregistered.reading.observedAt > newestAt) newestAt = unregistered.reading.observedAt
      refuse(verdict.reason, `${verdict.detail}: held until it is registered`, 1, 1)
    } else refuse(verdict.reason, `${verdict.detail}: the waiting list is full`, 1)
  }
  return {
    source: decoded.source,
    receivedAt: message.receivedAt,
    received: decoded.received,
    readings,
    rejections: refused === null ? none : rejectionsOf(message, decoded.source, refused),
    held,
    sightings: sightings === null ? none : [...sightings.values()],
    links: decoded.links ?? none,
    late: newestAt > 0 && message.receivedAt - newestAt > lateAfterMs,
  }
}

const rejectionsOf = (message: MessageParts, source: string, refused: Refused): RejectionRow[] =>
  Array.from(refused, ([reason, r]) => ({
    at: message.receivedAt,
    source,
    topic: clean(message.topic),
    reason,
    detail: clean(r.detail),
    readings: r.readings,
    held: r.held,
    payload: message.payload.subarray(0, telemetryLimits.rejectionPayloadBytes),
  }))
