import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import type { IncomingMessage } from './message.ts'

export interface TapOptions {
  protocolVersion: 4 | 5
  onPublish: (publish: Publish) => void
  /** The time of arrival: asked for once for the messages of a chunk. */
  now: () => number
  /** Asked after each message: a promise keeps the next ones in the socket until it resolves. */
  room: () => Promise<void> | null
  /** Of a longer packet only so many bytes are kept: enough to say whose it is and that it is too large. */
  maxPacketBytes: number
}

/** A PUBLISH as it came off the wire: one object from the socket to its PUBACK, since there are so many. */
export class Publish implements IncomingMessage {
  settled = false

  constructor(
    private readonly tap: { settle: () => void },
    readonly topic: string,
    readonly bytes: Buffer,
    readonly from: number,
    readonly to: number,
    readonly receivedAt: number,
    /** The broker says that it has sent it before. */
    readonly dup: boolean,
    /** Null for QoS 0. */
    readonly id: number | null,
  ) {}

  get payload(): Buffer {
    return this.bytes.subarray(this.from, this.to)
  }

  /** Sends its PUBACK (nothing for QoS 0), after those of all messages before it. */
  acknowledge(): void {
    this.settled = true
    if (this.id !== null) this.tap.settle()
  }
}

const publishType = 3
/** So long a chunk may keep the loop from others: the database's answers wait for it, four of them a batch. */
const sliceMs = 8
/** The clock is looked at after so many messages, and after each that is longer than this. */
const perLook = 32
const longBytes = 1024

/**
 * Stands between the socket and MQTT.js: takes every PUBLISH of QoS 0 and 1 out of the stream and hands all other
 * packets on as they are, both ways. MQTT.js keeps what it is good at (connect, subscribe, keep-alive, reconnect, TLS,
 * WebSocket); but it handles packets one after another, each through several streams and ticks, acknowledges as soon as
 * a message is handled, and cannot hear a PINGRESP behind a message that waits (mqttjs/MQTT.js#1935). Here a chunk of
 * the socket is one loop, and a PUBACK leaves when its message is safe.
 *
 * PUBACKs leave in the order in which the messages came (MQTT-4.6.0-2), many in one write.
 */
export class PublishTap extends Duplex {
  #chunks: Buffer[] = []
  #have = 0
  /** Bytes that the next step needs before it can do anything. */
  #need = 2
  /** Bytes of a packet that is too long, still to be thrown away. */
  #skip = 0
  #waiting = false
  #owed: Publish[] = []
  #flushing = false

  constructor(
    private readonly inner: Duplex,
    private readonly options: TapOptions,
  ) {
    super()
    inner.on('data', (chunk: Buffer) => this.#feed(chunk))
    inner.on('end', () => this.push(null))
    inner.on('error', (error) => this.destroy(error))
    inner.on('close', () => this.destroy())
  }

  /** Messages taken in and not yet acknowledged. */
  get owed(): number {
    return this.#owed.length
  }

  override _read(): void {
    if (!this.#waiting) this.inner.resume()
  }
  override _write(chunk: Buffer, _encoding: BufferEncoding, done: (error?: Error | null) => void): void {
    this.inner.write(chunk, (error) => done(error))
  }
  /** In one piece: a packet of MQTT.js comes in several, and a PUBACK must not get between them. */
  override _writev(chunks: { chunk: Buffer }[], done: (error?: Error | null) => void): void {
    this.inner.write(Buffer.concat(chunks.map((c) => c.chunk)), (error) => done(error))
  }
  override _final(done: (error?: Error | null) => void): void {
    this.inner.end(() => done())
  }
  override _destroy(error: Error | null, done: (error?: Error | null) => void): void {
    this.#owed = []
    this.inner.destroy()
    done(error)
  }

  #feed(chunk: Buffer): void {
    let bytes = chunk
    if (this.#skip > 0) {
      const skipped = Math.min(this.#skip, bytes.length)
      this.#skip -= skipped
      bytes = bytes.subarray(skipped)
    }
    if (bytes.length === 0) return
    this.#chunks.push(bytes)
    this.#have += bytes.length
    if (!this.#waiting) this.#parse()
  }

  #parse(): void {
    if (this.#have < this.#need) return
    const bytes = this.#chunks.length === 1 && this.#chunks[0] ? this.#chunks[0] : Buffer.concat(this.#chunks)
    let at = 0
    const until = performance.now() + sliceMs
    const receivedAt = this.options.now()
    for (let taken = 1; ; taken += 1) {
      const left = bytes.length - at
      const head = readLength(bytes, at + 1)
      if (head === 'malformed') {
        this.destroy(new Error('a packet whose length cannot be read'))
        return
      }
      if (head === 'short') {
        this.#keep(bytes.subarray(at), left + 1)
        return
      }
      const bodyAt = head.at
      const end = bodyAt + head.value
      const first = bytes[at] ?? 0
      const isPublish = first >> 4 === publishType && (first & 0x06) !== 0x04
      const tooLong = isPublish && end - at > this.options.maxPacketBytes
      const wanted = tooLong ? at + this.options.maxPacketBytes : end
      if (bytes.length < wanted) {
        this.#keep(bytes.subarray(at), wanted - at)
        return
      }
      if (!isPublish) this.push(bytes.subarray(at, end))
      else if (!this.#take(first, bytes, bodyAt, wanted, receivedAt)) {
        this.destroy(new Error('a PUBLISH that cannot be read'))
        return
      }
      const isLong = end - at > longBytes
      at = end
      if (tooLong && bytes.length < end) {
        this.#skip = end - bytes.length
        at = bytes.length
      }
      const room = isPublish ? (this.options.room() ?? ((isLong || taken % perLook === 0) && performance.now() > until ? turn() : null)) : null
      if (room !== null) {
        this.#keep(bytes.subarray(at), 1)
        this.#wait(room)
        return
      }
      if (at >= bytes.length) {
        this.#keep(bytes.subarray(at), 2)
        return
      }
    }
  }

  #keep(rest: Buffer, need: number): void {
    this.#chunks = rest.length > 0 ? [rest] : []
    this.#have = rest.length
    this.#need = Math.max(2, need)
  }

  #wait(room: Promise<void>): void {
    this.#waiting = true
    this.inner.pause()
    const go = (): void => {
      this.#waiting = false
      if (this.destroyed) return
      this.#parse()
      if (!this.#waiting) this.inner.resume()
    }
    void room.then(go, go)
  }

  /** The body from `from` to `end`; false when its inside does not fit its length. */
  #take(first: number, bytes: Buffer, from: number, end: number, receivedAt: number): boolean {
    if (end - from < 2) return false
    const topicEnd = from + 2 + bytes.readUInt16BE(from)
    const qos = (first >> 1) & 3
    let at = topicEnd
    if (qos === 1) at += 2
    if (at > end) return false
    const id = qos === 1 ? bytes.readUInt16BE(topicEnd) : 0
    if (this.options.protocolVersion === 5) {
      const properties = readLength(bytes, at)
      if (typeof properties === 'string') return false
      at = properties.at + properties.value
      if (at > end) return false
    }
    const topic = bytes.toString('utf8', from + 2, topicEnd)
    const publish = new Publish(this, topic, bytes, at, end, receivedAt, (first & 8) !== 0, qos === 1 ? id : null)
    if (qos === 1) this.#owed.push(publish)
    this.options.onPublish(publish)
    return true
  }

  /** One of the messages has settled. */
  settle(): void {
    if (this.#flushing) return
    this.#flushing = true
    queueMicrotask(() => this.#flush())
  }

  #flush(): void {
    this.#flushing = false
    let n = 0
    while (n < this.#owed.length && this.#owed[n]?.settled) n += 1
    if (n === 0 || this.destroyed || !this.inner.writable) return
    const acks = Buffer.allocUnsafe(4 * n)
    for (let i = 0; i < n; i += 1) {
      acks.writeUInt16BE(0x4002, 4 * i)
      acks.writeUInt16BE(this.#owed[i]?.id ?? 0, 4 * i + 2)
    }
    this.#owed.splice(0, n)
    this.inner.write(acks)
  }
}

/** MQTT's variable byte integer: its value, and where what it counts begins. */
function readLength(bytes: Buffer, from: number): { value: number; at: number } | 'short' | 'malformed' {
  let value = 0
  for (let i = 0; i < 4; i += 1) {
    const byte = bytes[from + i]
    if (byte === undefined) return 'short'
    value += (byte & 0x7f) * 128 ** i
    if ((byte & 0x80) === 0) return { value, at: from + i + 1 }
  }
  return 'malformed'
}
