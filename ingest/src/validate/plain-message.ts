import { buildTopic, parseTime, parseTopic, telemetryLimits } from '@yiping/contract'
import { type AutomaticChecks, type CheckedReading, type Mark, markedQuality } from './checks.ts'
import type { KnownPoint, KnownStation, Registry } from './registry.ts'
import { lateAfterMs } from './ticket.ts'

/** Readings of one message in columns, as they are written down: the first `count` entries of each. Times are epoch ms. */
export interface ReadingBlock {
  count: number
  readonly pointId: Int32Array
  readonly observedAt: Float64Array
  readonly value: Float64Array
  readonly quality: Uint8Array
  /** What made it uncertain. */
  readonly mark: (Mark | null)[]
}

/** A message all of whose readings may be stored: nothing of it is refused, held or new to us. Good until the next one is read. */
export interface PlainMessage {
  plain: true
  source: 'telemetry' | 'gateway'
  receivedAt: number
  received: number
  late: boolean
  block: ReadingBlock
}

/** A station with the names of its metrics as they stand in a message. */
interface PlainStation {
  /** In UTF-8, with the quotation mark that ends them. */
  names: readonly Buffer[]
  points: readonly KnownPoint[]
  /** Number of the sample that named the metric last, and of the message that named the station. */
  namedIn: number[]
  metIn: number
}

const quote = 0x22
const space = 0x20
const comma = 0x2c
const minus = 0x2d
const point = 0x2e
const zero = 0x30
const colon = 0x3a
const [openBracket, closeBracket, openBrace, closeBrace] = [0x5b, 0x5d, 0x7b, 0x7d]
const tsName = Buffer.from('"ts"')
const valuesName = Buffer.from('"values"')
/** So many digits make a whole number that a double holds exactly, as it does this power of ten: their quotient is what JSON.parse answers. */
const mostDigits = 15
const powersOfTen = Array.from({ length: mostDigits + 1 }, (_, n) => 10 ** n)
const gatewayTopic = buildTopic({ kind: 'gateway' })

/**
 * Takes in the messages that nearly all are: `{"ts":…,"values":{…}}`, a row of these, or a gateway's, of registered points,
 * with nothing about them to be refused. One pass over the bytes, with nothing made on the way. Whatever it does not know for sure
 * is left to `decodeMessage` and `toTicket`, which say the same of all that it takes (`plain-message.test.ts`).
 */
export class PlainMessages {
  readonly #block: ReadingBlock = {
    count: 0,
    pointId: new Int32Array(telemetryLimits.maxReadingsPerMessage),
    observedAt: new Float64Array(telemetryLimits.maxReadingsPerMessage),
    value: new Float64Array(telemetryLimits.maxReadingsPerMessage),
    quality: new Uint8Array(telemetryLimits.maxReadingsPerMessage),
    mark: [],
  }
  readonly #points: KnownPoint[] = []
  readonly #result: PlainMessage = { plain: true, source: 'telemetry', receivedAt: 0, received: 0, late: false, block: this.#block }
  readonly #reading: CheckedReading = { observedAt: 0, receivedAt: 0, value: 0, quality: 0 }
  #registry: Registry | null = null
  readonly #byTopic = new Map<string, PlainStation>()
  readonly #byCode = new Map<string, PlainStation>()
  readonly #names = new Map<string, Buffer>()
  #messages = 0
  #samples = 0
  /** The number that was read last. */
  #number = 0
  #newestAt = 0

  constructor(
    private readonly retentionMs: number,
    private readonly checks: AutomaticChecks,
  ) {}

  /** The payload of a message of `topic` stands in `bytes` from `from` to `to`. Null: somebody else has to look at it, and nothing has happened. */
  read(topic: string, bytes: Buffer, from: number, to: number, receivedAt: number, registry: Registry): PlainMessage | null {
    if (to - from > telemetryLimits.maxMessageBytes) return null
    if (registry !== this.#registry) {
      this.#registry = registry
      this.#byTopic.clear()
      this.#byCode.clear()
    }
    this.#block.count = 0
    this.#newestAt = 0
    const station = topic === gatewayTopic ? null : (this.#byTopic.get(topic) ?? this.#meetTopic(topic))
    if (station === undefined) return null
    // Whatever reads on beyond its end does not end there.
    const end = station === null ? this.#readGateway(bytes, from, receivedAt) : this.#readTelemetry(bytes, from, station, receivedAt)
    if (end !== to) return null
    this.#check(receivedAt)
    const result = this.#result
    result.source = station === null ? 'gateway' : 'telemetry'
    result.receivedAt = receivedAt
    result.received = this.#block.count
    result.late = this.#newestAt > 0 && receivedAt - this.#newestAt > lateAfterMs
    return result
  }

  #meetTopic(text: string): PlainStation | undefined {
    const topic = parseTopic(text)
    if (topic?.kind !== 'telemetry') return undefined
    const known = this.#registry?.get(topic.station)
    if (known === undefined || known.domain !== topic.domain) return undefined
    const station = this.#stationOf(topic.station, known)
    this.#byTopic.set(text, station)
    return station
  }

  #stationOf(code: string, known: KnownStation): PlainStation {
    let station = this.#byCode.get(code)
    if (station === undefined) {
      const points = [...known.points]
      station = {
        names: points.map(([name]) => this.#nameOf(name)),
        points: points.map(([, p]) => p),
        namedIn: points.map(() => 0),
        metIn: 0,
      }
      this.#byCode.set(code, station)
    }
    return station
  }

  /** One for all stations that measure it: there may be hundreds of thousands. */
  #nameOf(metric: string): Buffer {
    let name = this.#names.get(metric)
    if (name === undefined) {
      name = Buffer.from(`${metric}"`)
      this.#names.set(metric, name)
    }
    return name
  }

  #readTelemetry(bytes: Buffer, from: number, station: PlainStation, receivedAt: number): number {
    return bytes[from] === openBracket ? this.#readSamples(bytes, from, station, receivedAt) : this.#readSample(bytes, from, station, receivedAt)
  }

  /** `{"STATION": [samples], …}` */
  #readGateway(bytes: Buffer, from: number, receivedAt: number): number {
    if (bytes[from] !== openBrace) return -1
    this.#messages += 1
    let at = from + 1
    for (;;) {
      at = skipSpaces(bytes, at)
      if (bytes[at] !== quote) return -1
      const nameAt = at + 1
      const first = bytes[nameAt] ?? 0
      // A code that looks like a number has another place among an object's names.
      if (first >= zero && first <= zero + 9) return -1
      const nameEnd = bytes.indexOf(quote, nameAt)
      if (nameEnd < 0) return -1
      const code = bytes.toString('latin1', nameAt, nameEnd)
      const known = this.#registry?.get(code)
      if (known === undefined) return -1
      const station = this.#stationOf(code, known)
      if (station.metIn === this.#messages) return -1
      station.metIn = this.#messages
      at = skipSpaces(bytes, nameEnd + 1)
      if (bytes[at] !== colon) return -1
      at = this.#readSamples(bytes, skipSpaces(bytes, at + 1), station, receivedAt)
      if (at < 0) return -1
      at = skipSpaces(bytes, at)
      if (bytes[at] === closeBrace) return at + 1
      if (bytes[at] !== comma) return -1
      at += 1
    }
  }

  /** A list from `from` on; where it ends, or −1. */
  #readSamples(bytes: Buffer, from: number, station: PlainStation, receivedAt: number): number {
    if (bytes[from] !== openBracket) return -1
    let at = from + 1
    for (;;) {
      at = this.#readSample(bytes, skipSpaces(bytes, at), station, receivedAt)
      if (at < 0) return -1
      at = skipSpaces(bytes, at)
      if (bytes[at] === closeBracket) return at + 1
      if (bytes[at] !== comma) return -1
      at += 1
    }
  }

  /** `{"ts": number, "values": {"METRIC": number, …}}` */
  #readSample(bytes: Buffer, from: number, station: PlainStation, receivedAt: number): number {
    if (bytes[from] !== openBrace) return -1
    let at = startOf(bytes, skipSpaces(bytes, from + 1), tsName)
    if (at < 0) return -1
    at = this.#readNumber(bytes, at)
    if (at < 0) return -1
    const observedAt = parseTime(this.#number)
    if (observedAt === null || observedAt - receivedAt > telemetryLimits.maxAheadMs || receivedAt - observedAt > this.retentionMs) return -1
    at = skipSpaces(bytes, at)
    if (bytes[at] !== comma) return -1
    at = startOf(bytes, skipSpaces(bytes, at + 1), valuesName)
    if (at < 0 || bytes[at] !== openBrace) return -1
    at += 1
    this.#samples += 1
    for (;;) {
      at = skipSpaces(bytes, at)
      if (bytes[at] !== quote) return -1
      const which = whichName(bytes, at + 1, station.names)
      const known = station.points[which]
      const name = station.names[which]
      // A name that comes twice counts once for JSON.
      if (known === undefined || name === undefined || station.namedIn[which] === this.#samples) return -1
      station.namedIn[which] = this.#samples
      at = skipSpaces(bytes, at + 1 + name.length)
      if (bytes[at] !== colon) return -1
      at = this.#readNumber(bytes, skipSpaces(bytes, at + 1))
      const { physical } = known.metric
      if (at < 0 || this.#number < physical.min || this.#number > physical.max || !this.#put(known, observedAt)) return -1
      at = skipSpaces(bytes, at)
      if (bytes[at] === closeBrace) break
      if (bytes[at] !== comma) return -1
      at += 1
    }
    at = skipSpaces(bytes, at + 1)
    if (bytes[at] !== closeBrace) return -1
    if (observedAt > this.#newestAt) this.#newestAt = observedAt
    return at + 1
  }

  #put(known: KnownPoint, observedAt: number): boolean {
    const block = this.#block
    const i = block.count
    if (i >= block.pointId.length) return false
    block.pointId[i] = known.id
    block.observedAt[i] = observedAt
    block.value[i] = this.#number
    this.#points[i] = known
    block.count = i + 1
    return true
  }

  /** Once all of it is known to be plain: the checks remember. */
  #check(receivedAt: number): void {
    const { count, observedAt, value, quality, mark } = this.#block
    const reading = this.#reading
    reading.receivedAt = receivedAt
    for (let i = 0; i < count; i += 1) {
      const known = this.#points[i]
      if (known === undefined) continue
      reading.observedAt = observedAt[i] ?? 0
      reading.value = value[i] ?? 0
      const found = this.checks.check(known, reading)
      mark[i] = found
      quality[i] = markedQuality(0, found)
    }
  }

  /** A number of JSON without an exponent and of few digits, into `#number`; where it ends, or −1. */
  #readNumber(bytes: Buffer, from: number): number {
    let at = from
    const isNegative = bytes[at] === minus
    if (isNegative) at += 1
    const first = at
    let digits = 0
    for (let digit = digitAt(bytes, at); digit >= 0; digit = digitAt(bytes, at)) {
      digits = digits * 10 + digit
      at += 1
    }
    let places = at - first
    if (places === 0 || (places > 1 && bytes[first] === zero)) return -1
    let decimals = 0
    if (bytes[at] === point) {
      at += 1
      const from = at
      for (let digit = digitAt(bytes, at); digit >= 0; digit = digitAt(bytes, at)) {
        digits = digits * 10 + digit
        at += 1
      }
      decimals = at - from
      if (decimals === 0) return -1
      places += decimals
    }
    if (places > mostDigits) return -1
    const value = decimals === 0 ? digits : digits / (powersOfTen[decimals] ?? 1)
    this.#number = isNegative ? -value : value
    return at
  }
}

const digitAt = (bytes: Buffer, at: number): number => {
  const digit = (bytes[at] ?? 0) - zero
  return digit <= 9 ? digit : -1
}

function skipSpaces(bytes: Buffer, from: number): number {
  let at = from
  while (bytes[at] === space) at += 1
  return at
}

/** Where the value of a member begins whose name must stand at `from`; or −1. */
function startOf(bytes: Buffer, from: number, name: Buffer): number {
  for (let i = 0; i < name.length; i += 1) if (bytes[from + i] !== name[i]) return -1
  const at = skipSpaces(bytes, from + name.length)
  return bytes[at] === colon ? skipSpaces(bytes, at + 1) : -1
}

/** Which of the names stands at `from`; −1 for none. */
function whichName(bytes: Buffer, from: number, names: readonly Buffer[]): number {
  for (let n = 0; n < names.length; n += 1) {
    const name = names[n]
    if (name === undefined) continue
    let i = 0
    while (i < name.length && bytes[from + i] === name[i]) i += 1
    if (i === name.length) return n
  }
  return -1
}
