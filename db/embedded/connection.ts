/**
 * One client of the wire front, from its first byte to the clean-up after its last.
 *
 * | state     | gets there by             | what it takes                    | leaves by               |
 * | --------- | ------------------------- | -------------------------------- | ----------------------- |
 * | greeting  | connects                  | SSL/GSS request (answered N),    | startup packet; cancel  |
 * |           |                           | startup packet, cancel request   | request (dealt with,    |
 * |           |                           |                                  | closed)                 |
 * | password  | startup packet            | password                         | right one; wrong closes |
 * | ready     | password, end of a COPY   | queries                          | COPY … FROM STDIN       |
 * | copying   | COPY … FROM STDIN         | data, done, fail                 | done or fail            |
 * | closed    | either side ends          | nothing                          | –                       |
 *
 * Two collections run apart from that: `batch` are the messages since the last Sync, which go to
 * the engine as one call because nobody else may come between them, and `copy` is a COPY command
 * with its data, which has to arrive at the engine in one call or kills it. Both are bounded.
 */
import { randomInt, timingSafeEqual } from 'node:crypto'
import { once } from 'node:events'
import type net from 'node:net'

import { DATABASE, USER } from './engine.ts'
import * as wire from './messages.ts'
import { EngineError, ProtocolError, type Response } from './messages.ts'
import type { Listener, Session } from './session.ts'
import { inspect, type ChannelChange } from './sql-text.ts'

export interface ConnectionLimits {
  /** Longest single message, e.g. a Bind with arrays. */
  maxMessageBytes: number
  /** Most that is kept for one client until it can go to the engine: a COPY, or messages before Sync. */
  maxPendingBytes: number
  /** For the greeting and the password. */
  loginMs: number
}

export interface ConnectionOptions {
  id: number
  socket: net.Socket
  password: string
  session: Session
  limits: ConnectionLimits
  /** Somebody asks for the statement of this client to be cancelled. */
  onCancel: (id: number, secret: number) => void
  /** The clean-up is done; nothing of this client is left in the session. */
  onGone: () => void
}

/** More than this unread: the client is not read from until it is worked off. */
const READ_AHEAD_BYTES = 1 << 20
/** A listener that does not take its notifications is cut off at this many unsent bytes. */
const MAX_UNSENT_BYTES = 64 << 20

const QUERY_MESSAGES = 'PBDECHSQ'
const COPY_MESSAGES = 'dcf'
const ENDS_A_BATCH = 'QSH'

/** Lets the engine itself raise an error, so that its transaction knows about it. */
function raise(sqlState: string, text: string): string {
  return `DO $$ BEGIN RAISE EXCEPTION '${text}' USING ERRCODE = '${sqlState}'; END $$`
}

const COPY_NOT_ALONE = raise('0A000', 'COPY FROM STDIN has to be the only statement of a simple query here')
const COPY_ABORTED = raise('57014', 'COPY from stdin failed: aborted by the client')

function samePassword(given: string, wanted: string): boolean {
  const a = Buffer.from(given)
  const b = Buffer.from(wanted)
  return a.length === b.length && timingSafeEqual(a, b)
}

export class Connection implements Listener {
  readonly channels = new Set<string>()

  #state: 'greeting' | 'password' | 'ready' | 'copying' | 'closed' = 'greeting'
  #framer = new wire.MessageFramer()
  #serving = false
  #batch: Buffer[] = []
  #pendingBytes = 0
  #copy: Buffer[] = []
  /** Statement names the client has given, without the prefix. */
  #statements = new Set<string>()
  /** LISTEN and UNLISTEN count when their transaction commits. */
  #channelChanges: ChannelChange[] = []
  #channelsTouched = false
  #loginTimer: NodeJS.Timeout
  readonly #prefix: string
  readonly #secret = randomInt(2 ** 31)
  /** For the session, with messages that end a cycle of the protocol: an error may be their answer. */
  #waits = false
  /** As whom its statements run, as a server does it by `options=-c role=…`; null: the engine's own user. */
  #role: string | null = null

  constructor(private readonly options: ConnectionOptions) {
    const { socket, id, limits } = options
    // The dot keeps it apart from any name that a client writes in SQL without quotes.
    this.#prefix = `c${id}.`
    this.#loginTimer = setTimeout(() => socket.destroy(), limits.loginMs)
    socket.setNoDelay(true)
    socket.on('data', (chunk: Buffer) => {
      this.#framer.push(chunk)
      void this.#serve()
    })
    socket.on('error', () => {}) // 'close' follows
    socket.on('close', () => void this.#close())
  }

  get id(): number {
    return this.options.id
  }

  notify(message: Buffer): void {
    this.#send(message)
    if (this.options.socket.writableLength > MAX_UNSENT_BYTES) this.options.socket.destroy()
  }

  /** Ends the connection from this side, with a word why. */
  terminate(sqlState: string, text: string): void {
    const { socket } = this.options
    // For one that does not read its answers there is no word that would reach it.
    if (socket.writableNeedDrain) socket.destroy()
    else {
      this.#send(wire.errorResponse('FATAL', sqlState, text))
      socket.destroySoon()
    }
    void this.#close()
  }

  /** What waits for its turn is taken back; what runs is not: the engine runs a statement to its end before it reads on. */
  cancel(secret: number): void {
    if (secret === this.#secret && this.#waits) this.options.session.lock.forget(this)
  }

  #send(bytes: Buffer): void {
    if (this.#state !== 'closed' && this.options.socket.writable) this.options.socket.write(bytes)
  }

  async #serve(): Promise<void> {
    if (this.#serving) return
    this.#serving = true
    try {
      while (this.#state !== 'closed') {
        const message = this.#nextMessage()
        if (!message) break
        if (this.#framer.pending > READ_AHEAD_BYTES) this.options.socket.pause()
        await this.#handle(message)
        await this.#drained()
      }
    } catch (error) {
      if (!(error instanceof ProtocolError)) throw error
      this.terminate(error.sqlState, error.message)
    } finally {
      this.#serving = false
    }
    if (this.#state === 'closed') await this.#cleanUp()
    else this.options.socket.resume()
  }

  #nextMessage(): Buffer | null {
    if (this.#state === 'greeting') return this.#framer.nextStartup()
    const { maxMessageBytes } = this.options.limits
    return this.#framer.next(this.#state === 'password' ? wire.MAX_STARTUP_BYTES : maxMessageBytes)
  }

  /** A client that does not read its answers is not asked for more questions. */
  async #drained(): Promise<void> {
    const { socket } = this.options
    if (!socket.writableNeedDrain || socket.destroyed) return
    const closed = new AbortController()
    await Promise.race([once(socket, 'drain', { signal: closed.signal }), once(socket, 'close', { signal: closed.signal })])
      .catch(() => {})
      .finally(() => closed.abort())
  }

  async #handle(message: Buffer): Promise<void> {
    switch (this.#state) {
      case 'greeting':
        return this.#greet(message)
      case 'password':
        return this.#login(message)
      case 'copying':
        return this.#handleCopy(message)
      case 'ready':
        return this.#handleQuery(message)
      case 'closed':
    }
  }

  #greet(packet: Buffer): void {
    const { socket } = this.options
    if (packet.length < 8) throw new ProtocolError('invalid startup packet')
    const code = packet.readInt32BE(4)
    if (code === wire.SSL_REQUEST || code === wire.GSS_REQUEST) {
      this.#send(Buffer.from('N'))
      return
    }
    if (code === wire.CANCEL_REQUEST) {
      if (packet.length === 16) this.options.onCancel(packet.readInt32BE(8), packet.readInt32BE(12))
      socket.end()
      return
    }
    if (code >> 16 !== 3) throw new ProtocolError('only protocol 3 is supported', '0A000')
    const parameters = wire.startupParameters(packet)
    const unknown = [...parameters.keys()].filter((name) => name.startsWith('_pq_.'))
    if (code > wire.PROTOCOL_3 || unknown.length > 0) this.#send(wire.negotiateProtocolVersion(unknown))
    const user = parameters.get('user')
    const database = parameters.get('database') ?? user
    if (user !== USER) throw new ProtocolError(`role "${user}" does not exist`, '28000')
    if (database !== DATABASE) throw new ProtocolError(`database "${database}" does not exist, it is "${DATABASE}"`, '3D000')
    this.#role = /(?:^|\s)-c\s*role=([A-Za-z_]\w*)/.exec(parameters.get('options') ?? '')?.[1] ?? null
    this.#state = 'password'
    this.#send(wire.ASK_CLEARTEXT_PASSWORD)
  }

  #login(message: Buffer): void {
    const { id, password, session } = this.options
    if (wire.messageType(message) !== 'p') throw new ProtocolError('expected a password')
    if (!samePassword(wire.stringAt(message, 5), password)) throw new ProtocolError('password authentication failed', '28P01')
    clearTimeout(this.#loginTimer)
    this.#state = 'ready'
    const reported = [...session.parameters].map(([name, value]) => wire.parameterStatus(name, value))
    this.#send(Buffer.concat([wire.AUTHENTICATION_OK, ...reported, wire.backendKeyData(id, this.#secret), wire.readyForQuery('I')]))
  }

  async #handleQuery(message: Buffer): Promise<void> {
    const type = wire.messageType(message)
    if (type === 'X') return void this.options.socket.end()
    if (COPY_MESSAGES.includes(type)) return // the rest of a COPY that has failed
    // The engine does not refuse a message that it does not know, it dies of it.
    if (!QUERY_MESSAGES.includes(type)) throw new ProtocolError(`unsupported message type "${type}"`)
    this.options.session.lock.busy(this)
    if (type === 'Q') {
      const taken = await this.#handleSimpleQuery(message)
      if (taken) return
    } else {
      this.#add(type === 'P' ? this.#inspectParse(message) : message)
    }
    if (type === 'C' && message[5] === 0x53) this.#statements.delete(wire.stringAt(message, 6))
    if (ENDS_A_BATCH.includes(type)) await this.#run(this.#takeBatch(), type !== 'H')
    else this.options.session.lock.idle(this)
  }

  #add(message: Buffer): void {
    this.#bound(message.length)
    this.#batch.push(...wire.withPrefixedNames(message, this.#prefix))
  }

  #bound(bytes: number): void {
    this.#pendingBytes += bytes
    const { maxPendingBytes } = this.options.limits
    if (this.#pendingBytes > maxPendingBytes) throw new ProtocolError(`more than ${maxPendingBytes} bytes before the command's end`, '54000')
  }

  #takeBatch(): Buffer {
    const batch = this.#batch.length === 1 ? (this.#batch[0] as Buffer) : Buffer.concat(this.#batch)
    this.#batch = []
    this.#pendingBytes = 0
    return batch
  }

  /** Answers true when there is nothing left to run. */
  async #handleSimpleQuery(message: Buffer): Promise<boolean> {
    const { copyFromStdin, channels, sessionWide } = inspect(wire.stringAt(message, 5))
    if (copyFromStdin?.alone) {
      this.#bound(message.length)
      this.#copy = [...this.#batch, message]
      this.#batch = []
      this.#state = 'copying'
      this.#send(wire.copyInResponse(copyFromStdin.binary))
      this.options.session.lock.idle(this)
      return true
    }
    if (sessionWide && (await this.#resetOwnShare(sessionWide))) return true
    this.#channelChanges.push(...channels)
    this.#add(copyFromStdin ? wire.query(COPY_NOT_ALONE) : message)
    return false
  }

  #inspectParse(message: Buffer): Buffer {
    const name = wire.stringAt(message, 5)
    const sql = wire.stringAt(message, 6 + Buffer.byteLength(name))
    if (name !== '') this.#statements.add(name)
    const { copyFromStdin, channels } = inspect(sql)
    this.#channelChanges.push(...channels)
    return copyFromStdin ? wire.replaceParseText(message, COPY_NOT_ALONE) : message
  }

  async #handleCopy(message: Buffer): Promise<void> {
    const type = wire.messageType(message)
    if (type === 'S' || type === 'H') return // allowed by the protocol, and meaningless
    if (type === 'd') {
      this.#bound(message.length)
      this.#copy.push(message)
      this.options.session.lock.idle(this)
      return
    }
    // The engine has not heard of this COPY yet: when it fails here, only the error is passed on.
    const copy = type === 'c' ? Buffer.concat([...this.#copy, message]) : wire.query(COPY_ABORTED)
    this.#copy = []
    this.#pendingBytes = 0
    this.#state = 'ready'
    await this.#run(copy, true)
    if (!COPY_MESSAGES.includes(type)) await this.#handleQuery(message)
  }

  async #run(messages: Buffer, endsCycle: boolean): Promise<void> {
    const { lock } = this.options.session
    this.#waits = endsCycle
    const granted = await lock.acquire(this)
    this.#waits = false
    if (this.#isClosed()) return // the clean-up gives the session back
    if (!granted) return this.#answerCancelled()
    const response = await this.#exec(messages, (answer) => this.#noteChannels(answer)).catch((error: unknown) => {
      if (error instanceof EngineError) return this.#refuse(error)
      throw error
    })
    if (response === null) return
    if (response.status === 'I' && this.#channelsTouched) {
      this.#channelsTouched = false
      await this.options.session.syncChannels()
    }
    this.#deliver(response)
    if (response.status === 'I') lock.release(this)
    else lock.idle(this)
  }

  #exec(messages: Buffer, onAnswer?: (response: Response) => void): Promise<Response> {
    return this.options.session.exec(messages, onAnswer, this.#role)
  }

  /** Its role does not exist: nothing of what it said was run. */
  #refuse({ sqlState, message }: EngineError): null {
    this.#role = null
    this.options.session.lock.release(this)
    this.terminate(sqlState, message)
    return null
  }

  #answerCancelled(): void {
    this.#channelChanges = []
    this.#send(Buffer.concat([wire.errorResponse('ERROR', '57014', 'canceling statement due to user request'), wire.readyForQuery('I')]))
  }

  /** Not inlined: after an await the state may have become closed, which the compiler can't know. */
  #isClosed(): boolean {
    return this.#state === 'closed'
  }

  /** Everything but notifications (they have gone to the listeners) and what was said already. */
  #deliver({ bytes, notifications, copyIn }: Response): void {
    const omitted = copyIn ? [...notifications, copyIn].sort((a, b) => a.start - b.start) : notifications
    let from = 0
    for (const { start, end } of omitted) {
      if (start > from) this.#send(bytes.subarray(from, start))
      from = end
    }
    if (from < bytes.length) this.#send(from === 0 ? bytes : bytes.subarray(from))
  }

  #noteChannels({ status, failed, tags }: Response): void {
    if (tags.some((tag) => tag === 'LISTEN' || tag === 'UNLISTEN' || tag === 'DISCARD ALL')) this.#channelsTouched = true
    if (status !== 'I') return
    const committed = !failed && tags.at(-1) !== 'ROLLBACK'
    if (committed) for (const change of this.#channelChanges) this.#applyChannelChange(change)
    this.#channelChanges = []
  }

  #applyChannelChange(change: ChannelChange): void {
    if (change.kind === 'listen') this.channels.add(change.channel)
    else if (change.kind === 'unlisten') this.channels.delete(change.channel)
    else this.channels.clear()
  }

  /**
   * DISCARD ALL and DEALLOCATE ALL, for this client's share of the session only: done as they stand
   * they would take away the statements that the others have prepared. Inside a transaction they are
   * left to the engine, which refuses the one. Answers false then.
   */
  async #resetOwnShare(command: 'DISCARD ALL' | 'DEALLOCATE ALL'): Promise<boolean> {
    const { session } = this.options
    if (session.lock.heldBy(this)) return command === 'DEALLOCATE ALL' && this.#deallocateInside()
    if (!(await session.lock.acquire(this)) || this.#isClosed()) return true
    await this.#closeStatements()
    if (command === 'DISCARD ALL') {
      await this.#exec(wire.query('RESET ALL'))
      this.channels.clear()
      await session.syncChannels()
    }
    this.#send(Buffer.concat([wire.commandComplete(command), wire.readyForQuery('I')]))
    session.lock.release(this)
    return true
  }

  async #deallocateInside(): Promise<boolean> {
    const { status } = await this.#closeStatements()
    if (status !== 'T') return false
    this.#send(Buffer.concat([wire.commandComplete('DEALLOCATE ALL'), wire.readyForQuery(status)]))
    this.options.session.lock.idle(this)
    return true
  }

  async #closeStatements(): Promise<Response> {
    const closes = [...this.#statements].map((name) => wire.closeStatement(this.#prefix + name))
    this.#statements.clear()
    return this.#exec(Buffer.concat([...closes, wire.SYNC]))
  }

  async #close(): Promise<void> {
    if (this.#state === 'closed') return
    clearTimeout(this.#loginTimer)
    this.#state = 'closed'
    this.options.session.lock.forget(this)
    this.#copy = []
    this.#batch = []
    // A statement that is running at the moment is finished first; #serve() cleans up then.
    if (!this.#serving) await this.#cleanUp()
  }

  /** Leaves the session as if the client had never been there, but for its SETs. */
  async #cleanUp(): Promise<void> {
    const { session, onGone } = this.options
    const hadChannels = this.channels.size > 0
    this.channels.clear()
    if (session.lock.heldBy(this)) {
      await this.#exec(wire.SYNC)
      await this.#exec(wire.query('ROLLBACK'))
    }
    if (this.#statements.size > 0 || hadChannels || session.lock.heldBy(this)) {
      await session.lock.acquire(this)
      if (this.#statements.size > 0) await this.#closeStatements()
      if (hadChannels || this.#channelsTouched) await session.syncChannels()
      session.lock.release(this)
    }
    onGone()
  }
}
