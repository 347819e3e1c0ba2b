import type { RejectionRow } from '@yiping/db'
import { type Entry, isRaw, type LinkWord, type RawMessage, type Sighting, type Ticket } from '../validate/ticket.ts'
import { type Mark, marks } from '../validate/checks.ts'
import type { PlainMessage, ReadingBlock } from '../validate/plain-message.ts'
import type { HeldReading, ValidReading } from '../validate/validate-value.ts'

/**
 * A ticket in bytes, little-endian:
 *
 * | bytes       | what                                                                  |
 * |-------------|-----------------------------------------------------------------------|
 * | 1           | source, as its place in `sources`                                     |
 * | 8           | received_at, epoch ms, float64                                        |
 * | 4           | readings that the message brought                                     |
 * | 4           | n, readings that may be stored                                        |
 * | 4           | m, length of the rest                                                 |
 * | n × 21      | point id int32, observed_at float64, value float64, quality uint8 (bits 4–6: mark, bit 7: historical) |
 * | m           | JSON: refusals (payload in base64), held readings, sightings and links; m = 0 for a ticket without any |
 *
 * A raw message has 255 for its source, the length of its topic for n and that of its payload for m; both follow.
 */
const rawSource = 255
const sources = ['telemetry', 'gateway', 'sparkplug', 'unknown'] as const
const qualityBits = 0x03
const markShift = 4
const historicalBit = 0x80
const headBytes = 21
const readingBytes = 21

interface Rest {
  rejections: (Omit<RejectionRow, 'payload'> & { payload: string })[]
  held: HeldReading[]
  sightings: Sighting[]
  links: LinkWord[]
}

/** What can be written down. A plain message is read again as the ticket that it would have been. */
export type Writable = Entry | PlainMessage
const isPlain = (entry: Writable): entry is PlainMessage => 'plain' in entry

/** What follows its readings: null for nearly every ticket. */
export function restOf(entry: Writable): Buffer | null {
  if (isPlain(entry)) return null
  if (isRaw(entry)) return Buffer.from(entry.topic)
  if (entry.rejections.length + entry.held.length + entry.sightings.length + entry.links.length === 0) return null
  const rest: Rest = {
    rejections: entry.rejections.map((r) => ({ ...r, payload: r.payload.toString('base64') })),
    held: entry.held,
    sightings: entry.sightings,
    links: entry.links,
  }
  return Buffer.from(JSON.stringify(rest))
}

export const sizeOf = (entry: Writable, rest: Buffer | null): number =>
  headBytes + (isRaw(entry) ? entry.payload.length : readingBytes * (isPlain(entry) ? entry.block.count : entry.readings.length)) + (rest?.length ?? 0)

export function writeTicket(ticket: Writable, rest: Buffer | null, out: Buffer, start: number): void {
  if (isRaw(ticket)) {
    out[start] = rawSource
    out.writeDoubleLE(ticket.receivedAt, start + 1)
    out.writeUInt32LE(ticket.received, start + 9)
    out.writeUInt32LE(rest?.length ?? 0, start + 13)
    out.writeUInt32LE(ticket.payload.length, start + 17)
    rest?.copy(out, start + headBytes)
    ticket.payload.copy(out, start + headBytes + (rest?.length ?? 0))
    return
  }
  out[start] = (sources as readonly string[]).indexOf(ticket.source)
  out.writeDoubleLE(ticket.receivedAt, start + 1)
  out.writeUInt32LE(ticket.received, start + 9)
  out.writeUInt32LE(isPlain(ticket) ? ticket.block.count : ticket.readings.length, start + 13)
  out.writeUInt32LE(rest?.length ?? 0, start + 17)
  let at = start + headBytes
  if (isPlain(ticket)) {
    writeBlock(ticket.block, out, at)
    return
  }
  for (const r of ticket.readings) {
    out.writeInt32LE(r.pointId, at)
    out.writeDoubleLE(r.observedAt, at + 4)
    out.writeDoubleLE(r.value, at + 12)
    out[at + 20] = r.quality | bitsOf(r.mark) | (r.historical ? historicalBit : 0)
    at += readingBytes
  }
  rest?.copy(out, at)
}

const bitsOf = (mark: Mark | null | undefined): number => (mark === null || mark === undefined ? 0 : (marks.indexOf(mark) + 1) << markShift)

function writeBlock({ count, pointId, observedAt, value, quality, mark }: ReadingBlock, out: Buffer, start: number): void {
  let at = start
  for (let i = 0; i < count; i += 1) {
    out.writeInt32LE(pointId[i] ?? 0, at)
    out.writeDoubleLE(observedAt[i] ?? 0, at + 4)
    out.writeDoubleLE(value[i] ?? 0, at + 12)
    out[at + 20] = (quality[i] ?? 0) | bitsOf(mark[i])
    at += readingBytes
  }
}

/** Readings that its message brought, without decoding it. */
export const receivedOf = (bytes: Buffer, start: number): number => bytes.readUInt32LE(start + 9)

/** When it arrived, and whether it is a raw message, likewise. */
export const arrivalOf = (bytes: Buffer, start: number): number => bytes.readDoubleLE(start + 1)
export const isRawAt = (bytes: Buffer, start: number): boolean => bytes[start] === rawSource

/** Shared by all tickets that have none of it. */
const none: never[] = []

/** The inverse. Its bytes have passed their checksum: one that does not fit is an error of ours, and thrown. */
export function decodeTicket(bytes: Buffer, start: number, size: number): Entry {
  if (bytes.readUInt8(start) === rawSource) return decodeRaw(bytes, start, size)
  const source = sources[bytes.readUInt8(start)]
  if (source === undefined) throw new Error(`spool: no source ${bytes.readUInt8(start)}`)
  const n = bytes.readUInt32LE(start + 13)
  const restBytes = bytes.readUInt32LE(start + 17)
  if (headBytes + n * readingBytes + restBytes !== size) throw new Error('spool: a ticket of another length than it says')
  const readings: Ticket['readings'] = new Array(n)
  for (let i = 0, at = start + headBytes; i < n; i += 1, at += readingBytes) {
    const observedAt = bytes.readDoubleLE(at + 4)
    const quality = bytes.readUInt8(at + 20)
    const reading: ValidReading = { pointId: bytes.readInt32LE(at), observedAt, value: bytes.readDoubleLE(at + 12), quality: quality & qualityBits }
    const mark = marks[((quality >> markShift) & 7) - 1]
    if (mark !== undefined) reading.mark = mark
    if (quality & historicalBit) reading.historical = true
    readings[i] = reading
  }
  const rest = restBytes === 0 ? null : (JSON.parse(bytes.toString('utf8', start + headBytes + n * readingBytes, start + size)) as Rest)
  const receivedAt = bytes.readDoubleLE(start + 1)
  return {
    source,
    receivedAt,
    received: bytes.readUInt32LE(start + 9),
    readings,
    rejections: rest?.rejections.map((r) => ({ ...r, payload: Buffer.from(r.payload, 'base64') })) ?? none,
    held: rest?.held ?? none,
    sightings: rest?.sightings ?? none,
    links: rest?.links ?? none,
    // Which stream it is in says so.
    late: false,
  }
}

function decodeRaw(bytes: Buffer, start: number, size: number): RawMessage {
  const topicEnd = start + headBytes + bytes.readUInt32LE(start + 13)
  const end = topicEnd + bytes.readUInt32LE(start + 17)
  if (end !== start + size) throw new Error('spool: a message of another length than it says')
  return {
    raw: true,
    late: true,
    receivedAt: bytes.readDoubleLE(start + 1),
    received: bytes.readUInt32LE(start + 9),
    topic: bytes.toString('utf8', start + headBytes, topicEnd),
    payload: bytes.subarray(topicEnd, end),
  }
}
