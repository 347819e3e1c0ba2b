import { randomUUID } from 'node:crypto'
import type { ScreenCommand } from '@yiping/contract'
import { listen, type Listener, notify, type Pool, serverChannel } from '@yiping/db'
import { Coalesced } from '../live/coalesce.ts'
import { parsePeerMessage, type PeerMessage } from './messages.ts'

export interface PeersOptions {
  databaseUrl: string
  pool: Pool
  log: { warn: (o: object, m: string) => void }
  /** Screens whose sockets are open here. */
  screensHere: () => readonly number[]
  /** A screen was changed or revoked elsewhere. */
  onScreen: (id: number) => void
  /** Another server asks for a command to a screen; whether a page of it here has done it, null when there is none. */
  onCommand: (id: number, command: ScreenCommand) => Promise<boolean | null>
  /** Rights were changed elsewhere, or may have been while nothing was heard. */
  onAccess: () => void
  /** How often it is said which screens are here, ms. */
  everyMs?: number
  /** From another server's word that it tells a screen to its answer, ms: longer than it waits for the screen itself. */
  answerMs?: number
}

/** So many ids fit into the 8,000 bytes of a notification. */
const idsAtOnce = 600
/** A thousand screens that come back together are announced a few times and not a thousand times, ms. */
const announceMs = 200

interface Peer {
  heardAt: number
  turn: number
  screens: Set<number>
}

/**
 * The other server processes on this database: they hear each other through NOTIFY. Another one as this process knows it:
 *
 * | peer    | leaves by                                | to      | done on the way                      |
 * |---------|------------------------------------------|---------|--------------------------------------|
 * | unknown | says which screens it has                | known   | remembered                           |
 * | known   | says so again, with a higher turn        | known   | these in place of the former         |
 * | known   | silent for three of its intervals        | unknown | its screens are not connected there  |
 * | any     | this process lost its connection, has it | unknown | `hello`; rights are asked for again  |
 *
 * Nothing rests on a message alone: rights are asked for every ten seconds anyway, settings and revocations stand in the
 * database, and a command that nobody answers is said to have failed.
 */
export class Peers {
  readonly #id = randomUUID()
  readonly #peers = new Map<string, Peer>()
  readonly #asked = new Map<string, (done: boolean) => void>()
  #listener: Listener | null = null
  #timer: NodeJS.Timeout | null = null
  #turn = 0
  #connected = false
  readonly #announcing = new Coalesced(
    () => this.#announce(this.options.screensHere()),
    () => announceMs,
  )
  /** One after the other, so that a later turn is never heard before an earlier one. */
  #saying: Promise<void> = Promise.resolve()

  constructor(private readonly options: PeersOptions) {}

  get #everyMs(): number {
    return this.options.everyMs ?? 5000
  }

  start(): void {
    const { databaseUrl, log, onAccess } = this.options
    this.#listener = listen({
      connectionString: databaseUrl,
      channels: [serverChannel],
      onConnected: () => {
        this.#connected = true
        this.#peers.clear()
        void this.#say({ kind: 'hello', from: this.#id })
        this.announce()
        onAccess()
      },
      onDisconnected: (error) => {
        this.#connected = false
        log.warn({ err: error.message }, 'other servers are not heard')
      },
      onNotification: (_channel, payload) => this.#take(payload),
    })
    this.#timer = setInterval(() => this.announce(), this.#everyMs)
  }

  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer)
    await this.#announcing.stop()
    // Nothing is connected here from now on.
    await this.#announce([])
    this.#connected = false
    for (const answer of this.#asked.values()) answer(false)
    await this.#listener?.stop()
  }

  /** Says which screens are here, now and then, and whenever one comes or goes. */
  announce(): void {
    this.#announcing.want()
  }
  screenChanged(id: number): void {
    void this.#say({ kind: 'screen', from: this.#id, id })
  }
  accessChanged(): void {
    void this.#say({ kind: 'access', from: this.#id })
  }

  /** Whether another server has said that the screen is connected there. */
  hasScreen(id: number): boolean {
    const silentSince = performance.now() - 3 * this.#everyMs
    for (const { heardAt, screens } of this.#peers.values()) if (heardAt >= silentSince && screens.has(id)) return true
    return false
  }

  /** Has other servers tell the screen; whether one says that it is done. */
  command(id: number, command: ScreenCommand): Promise<boolean> {
    const ask = randomUUID()
    return new Promise((resolve) => {
      const answer = (done: boolean): void => {
        clearTimeout(timer)
        this.#asked.delete(ask)
        resolve(done)
      }
      const timer = setTimeout(() => answer(false), this.options.answerMs ?? 7000)
      this.#asked.set(ask, answer)
      void this.#say({ kind: 'command', from: this.#id, ask, id, command })
    })
  }

  async #announce(ids: readonly number[]): Promise<void> {
    const turn = ++this.#turn
    for (let i = 0; i === 0 || i < ids.length; i += idsAtOnce) await this.#say({ kind: 'screens', from: this.#id, turn, ids: ids.slice(i, i + idsAtOnce) })
  }

  /** While the database is away nobody could hear it, and what was said is not said later. */
  #say(message: PeerMessage): Promise<void> {
    const { pool, log } = this.options
    if (!this.#connected) return this.#saying
    this.#saying = this.#saying
      .then(() => notify(pool, serverChannel, JSON.stringify(message)))
      .catch((error: unknown) => log.warn({ err: String(error), what: message.kind }, 'other servers were not told'))
    return this.#saying
  }

  #take(payload: string): void {
    const message = parsePeerMessage(payload)
    // One of a later version may have something to say that this one does not know.
    if (message === null || message.from === this.#id) return
    const { onScreen, onCommand, onAccess, log } = this.options
    switch (message.kind) {
      case 'hello':
        return this.announce()
      case 'screens':
        return this.#hear(message)
      case 'screen':
        return onScreen(message.id)
      case 'access':
        return onAccess()
      case 'answer':
        return this.#asked.get(message.ask)?.(message.done)
      case 'command':
        onCommand(message.id, message.command).then(
          (done) => void (done !== null && this.#say({ kind: 'answer', from: this.#id, ask: message.ask, done })),
          (error: unknown) => log.warn({ err: String(error) }, 'a screen was not told'),
        )
    }
  }

  #hear({ from, turn, ids }: Extract<PeerMessage, { kind: 'screens' }>): void {
    const known = this.#peers.get(from)
    const heardAt = performance.now()
    if (known !== undefined && turn < known.turn) return
    const screens = known !== undefined && known.turn === turn ? known.screens : new Set<number>()
    for (const id of ids) screens.add(id)
    this.#peers.set(from, { heardAt, turn, screens })
    for (const [id, peer] of this.#peers) if (peer.heardAt < heardAt - 3 * this.#everyMs) this.#peers.delete(id)
  }
}
