/**
 * PostgreSQL's wire protocol, version 3: cutting a byte stream into messages and building the few
 * that the front answers by itself. A message is one type byte, a four-byte length that counts
 * itself, and the body; the first message of a connection has no type byte.
 * Source: PostgreSQL 17 documentation, chapter 55 "Frontend/Backend Protocol".
 */

/** The stream can't be cut any further; the connection has to end. `sqlState` goes to the client. */
export class ProtocolError extends Error {
  override name = 'ProtocolError'
  constructor(
    message: string,
    readonly sqlState = '08P01',
  ) {
    super(message)
  }
}

export type TransactionStatus = 'I' | 'T' | 'E'

export const PROTOCOL_3 = 3 << 16
export const CANCEL_REQUEST = 80877102
export const SSL_REQUEST = 80877103
export const GSS_REQUEST = 80877104

/** Postgres itself refuses longer ones. */
export const MAX_STARTUP_BYTES = 10_000

/**
 * Collects chunks and gives back whole messages. Each byte is copied at most once, however many
 * chunks a message arrives in, and not at all when it arrived in one.
 */
export class MessageFramer {
  #chunks: Buffer[] = []
  #bytes = 0

  push(chunk: Buffer): void {
    if (chunk.length === 0) return
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
  }

  /** Bytes received and not given back yet. */
  get pending(): number {
    return this.#bytes
  }

  /** The first packet of a connection, which has no type byte. */
  nextStartup(): Buffer | null {
    return this.#next(0, MAX_STARTUP_BYTES)
  }

  next(maxBytes: number): Buffer | null {
    return this.#next(1, maxBytes)
  }

  #next(typeBytes: number, maxBytes: number): Buffer | null {
    const headerBytes = typeBytes + 4
    if (this.#bytes < headerBytes) return null
    const length = this.#head(headerBytes).readInt32BE(typeBytes)
    if (length < 4 || length > maxBytes) throw new ProtocolError(`invalid message length ${length} (the limit is ${maxBytes} bytes)`)
    const total = typeBytes + length
    return this.#bytes < total ? null : this.#take(total)
  }

  /** The first chunk, joined with its followers until it holds the header. */
  #head(bytes: number): Buffer {
    let head = this.#chunks[0] as Buffer
    while (head.length < bytes) {
      head = Buffer.concat([head, this.#chunks[1] as Buffer])
      this.#chunks.splice(0, 2, head)
    }
    return head
  }

  #take(total: number): Buffer {
    this.#bytes -= total
    const head = this.#chunks[0] as Buffer
    if (head.length > total) {
      this.#chunks[0] = head.subarray(total)
      return head.subarray(0, total)
    }
    if (head.length === total) {
      this.#chunks.shift()
      return head
    }
    let gathered = 0
    let count = 0
    while (gathered < total) gathered += (this.#chunks[count++] as Buffer).length
    const last = this.#chunks[count - 1] as Buffer
    const rest = gathered - total
    const message = Buffer.concat(this.#chunks.slice(0, count), total)
    this.#chunks.splice(0, count, ...(rest > 0 ? [last.subarray(last.length - rest)] : []))
    return message
  }
}

export function messageType(message: Buffer): string {
  return String.fromCharCode(message[0] as number)
}

/** The zero-terminated string that starts at `offset`. */
export function stringAt(message: Buffer, offset: number): string {
  const end = message.indexOf(0, offset)
  if (end < 0) throw new ProtocolError('invalid string in message')
  return message.toString('utf8', offset, end)
}

export function build(type: string, ...parts: (string | Buffer)[]): Buffer {
  const body = Buffer.concat(parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part)))
  const message = Buffer.allocUnsafe(5 + body.length)
  message.write(type, 0, 'latin1')
  message.writeInt32BE(4 + body.length, 1)
  body.copy(message, 5)
  return message
}

function int32(value: number): Buffer {
  const bytes = Buffer.allocUnsafe(4)
  bytes.writeInt32BE(value)
  return bytes
}

/* What a client sends; the front uses these towards the engine. */

export const SYNC = build('S')

export function query(sql: string): Buffer {
  return build('Q', `${sql}\0`)
}

export function closeStatement(name: string): Buffer {
  return build('C', `S${name}\0`)
}

/** A Parse message with the same statement name and another text. */
export function replaceParseText(parse: Buffer, sql: string): Buffer {
  return build('P', `${stringAt(parse, 5)}\0${sql}\0`, Buffer.from([0, 0]))
}

/* What a server sends. */

export const AUTHENTICATION_OK = build('R', int32(0))
export const ASK_CLEARTEXT_PASSWORD = build('R', int32(3))

export function parameterStatus(name: string, value: string): Buffer {
  return build('S', `${name}\0${value}\0`)
}

export function backendKeyData(id: number, secret: number): Buffer {
  return build('K', int32(id), int32(secret))
}

export function readyForQuery(status: TransactionStatus): Buffer {
  return build('Z', status)
}

export function commandComplete(tag: string): Buffer {
  return build('C', `${tag}\0`)
}

export function errorResponse(severity: 'ERROR' | 'FATAL', sqlState: string, text: string): Buffer {
  return build('E', `S${severity}\0V${severity}\0C${sqlState}\0M${text}\0\0`)
}

/** Says that protocol 3.0 is all there is, and that none of `options` is known. */
export function negotiateProtocolVersion(options: string[]): Buffer {
  return build('v', int32(PROTOCOL_3), int32(options.length), ...options.map((name) => `${name}\0`))
}

/** "Send me the data." The number of columns is not known here; drivers don't read it. */
export function copyInResponse(binary: boolean): Buffer {
  return build('G', Buffer.from([binary ? 1 : 0, 0, 0]))
}

/** The parameters of a startup packet: name, value, name, value, and an empty name. */
export function startupParameters(packet: Buffer): Map<string, string> {
  const parameters = new Map<string, string>()
  let at = 8
  while (at < packet.length && packet[at] !== 0) {
    const name = stringAt(packet, at)
    at += Buffer.byteLength(name) + 1
    const value = stringAt(packet, at)
    at += Buffer.byteLength(value) + 1
    parameters.set(name, value)
  }
  return parameters
}

/** Where the names of statements and portals start; an empty name is the unnamed one and is skipped. */
function nameOffsets(message: Buffer): number[] {
  switch (messageType(message)) {
    case 'P': // statement
    case 'E': // portal
      return [5].filter((offset) => message[offset] !== 0)
    case 'D': // kind, then statement or portal
    case 'C':
      return [6].filter((offset) => message[offset] !== 0)
    case 'B': {
      // portal, then statement
      const end = message.indexOf(0, 5)
      if (end < 0) throw new ProtocolError('invalid string in message')
      return [5, end + 1].filter((offset) => message[offset] !== 0)
    }
    default:
      return []
  }
}

/**
 * Puts `prefix` before each statement and portal name. Answers the pieces of the new message, so
 * that the megabytes behind a Bind's names are not copied here.
 */
export function withPrefixedNames(message: Buffer, prefix: string): Buffer[] {
  const offsets = nameOffsets(message)
  if (offsets.length === 0) return [message]
  const insert = Buffer.from(prefix)
  const header = Buffer.from(message.subarray(0, 5))
  header.writeInt32BE(message.readInt32BE(1) + insert.length * offsets.length, 1)
  const pieces: Buffer[] = [header]
  let from = 5
  for (const offset of offsets) {
    if (offset > from) pieces.push(message.subarray(from, offset))
    pieces.push(insert)
    from = offset
  }
  pieces.push(message.subarray(from))
  return pieces
}

/** A part of a response that must not go to the client who asked. */
export interface Notification {
  start: number
  end: number
  channel: string
}

/** What the front needs to know of a response of the engine. */
export interface Response {
  bytes: Buffer
  /** From the last ReadyForQuery; null after a Flush, when there was none. */
  status: TransactionStatus | null
  failed: boolean
  tags: string[]
  notifications: Notification[]
  /** The engine's own CopyInResponse. */
  copyIn: { start: number; end: number } | null
}

const CHAR = { A: 0x41, C: 0x43, E: 0x45, G: 0x47, Z: 0x5a } as const

export function readResponse(bytes: Buffer): Response {
  const response: Response = {
    bytes,
    status: null,
    failed: false,
    tags: [],
    notifications: [],
    copyIn: null,
  }
  for (let start = 0, end = 0; start + 5 <= bytes.length; start = end) {
    end = start + 1 + bytes.readInt32BE(start + 1)
    switch (bytes[start]) {
      case CHAR.A:
        response.notifications.push({ start, end, channel: stringAt(bytes, start + 9) })
        break
      case CHAR.C:
        response.tags.push(bytes.toString('utf8', start + 5, end - 1))
        break
      case CHAR.E:
        response.failed = true
        break
      case CHAR.G:
        response.copyIn = { start, end }
        break
      case CHAR.Z:
        response.status = String.fromCharCode(bytes[start + 5] as number) as TransactionStatus
        break
      default: // rows and descriptions are the client's business
    }
  }
  return response
}

/** The engine's answer to a simple query was an error. */
export class EngineError extends Error {
  override name = 'EngineError'
  constructor(
    message: string,
    readonly sqlState: string,
  ) {
    super(message)
  }
}

export type TextRow = (string | null)[]

function errorOf(bytes: Buffer, start: number, end: number): EngineError {
  const fields = new Map(
    bytes
      .toString('utf8', start + 5, end - 2)
      .split('\0')
      .map((field) => [field[0], field.slice(1)] as const),
  )
  return new EngineError(fields.get('M') ?? 'unknown error', fields.get('C') ?? 'XX000')
}

function rowOf(bytes: Buffer, start: number): TextRow {
  const row: TextRow = []
  let at = start + 7
  for (let column = bytes.readInt16BE(start + 5); column > 0; column--) {
    const length = bytes.readInt32BE(at)
    at += 4
    row.push(length < 0 ? null : bytes.toString('utf8', at, at + length))
    at += Math.max(length, 0)
  }
  return row
}

/** The rows of a simple query's answer, as text. Throws EngineError when it holds one. */
export function readRows(bytes: Buffer): TextRow[] {
  const rows: TextRow[] = []
  for (let start = 0, end = 0; start + 5 <= bytes.length; start = end) {
    end = start + 1 + bytes.readInt32BE(start + 1)
    const type = String.fromCharCode(bytes[start] as number)
    if (type === 'E') throw errorOf(bytes, start, end)
    if (type === 'D') rows.push(rowOf(bytes, start))
  }
  return rows
}
