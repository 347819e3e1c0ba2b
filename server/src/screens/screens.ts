import { ScreenReport, type ScreenCommand, type ScreenSettings, ScreenSettingsSchema, settingsOf } from '@yiping/contract'
import { changeScreen, loadScreen, type Pool, revokeScreen, type ScreenRow, seeScreen } from '@yiping/db'
import { Check } from 'typebox/value'
import type { CitySocket } from '../push/sockets.ts'

/** What other server processes have of screens. */
export interface ScreenPeers {
  /** Which screens are here is another than before. */
  announce: () => void
  screenChanged: (id: number) => void
  hasScreen: (id: number) => boolean
  /** Whether a page of the screen there has done it. */
  command: (id: number, command: ScreenCommand) => Promise<boolean>
}

export interface ScreensOptions {
  pool: Pool
  peers: ScreenPeers
  now: () => number
  /** Told that a screen's credential is, or may be, good for nothing any more. */
  onRevoked: (id: number) => void
  log: { warn: (o: object, m: string) => void; info: (o: object, m: string) => void }
  /** A screen that has not answered a command for so long has not done it, ms. */
  commandTimeoutMs?: number
  /** While the database is away, a credential is looked up again after this, ms. */
  retryMs?: number
}

/** `last_seen_at` is written no more often than this, ms. */
const seenEveryMs = 60_000

interface Present {
  sockets: Set<CitySocket>
  report: ScreenReport | null
  seenAt: number
  writtenAt: number
}

/**
 * Paired screens and their sockets. A socket that was let in as a screen's:
 *
 * | state    | leaves by                        | to       | done on the way                               |
 * |----------|----------------------------------|----------|-----------------------------------------------|
 * | asked    | the database knows the screen    | present  | `screen` with name and settings               |
 * | asked    | the database does not            | closed   | `screen {paired: false}`, socket closed       |
 * | asked    | the database cannot be asked     | asked    | again after a while: nobody is turned away     |
 * | present  | report                           | present  | kept; last seen written once a minute         |
 * | present  | revoked, here or elsewhere       | closed   | `screen {paired: false}`, socket closed       |
 * | present  | disconnect                       | closed   |                                               |
 *
 * Of several servers each has the sockets that are open on it, and hears of the others' through `Peers`.
 */
export class Screens {
  readonly #present = new Map<number, Present>()

  constructor(private readonly options: ScreensOptions) {}

  greet(socket: CitySocket): void {
    const { kind, id } = socket.data.principal
    if (kind === 'screen') void this.#ask(socket, id)
  }

  async #ask(socket: CitySocket, id: number): Promise<void> {
    while (socket.connected) {
      try {
        const screen = await loadScreen(this.options.pool, id)
        if (!socket.connected) return
        if (screen) return this.#welcome(socket, screen)
        socket.emit('screen', { paired: false })
        socket.disconnect(true)
        return
      } catch (error) {
        this.options.log.warn({ err: String(error) }, 'a screen could not be looked up, trying again')
        await new Promise((resolve) => setTimeout(resolve, this.options.retryMs ?? 5000).unref())
      }
    }
  }

  #welcome(socket: CitySocket, screen: ScreenRow): void {
    const { id } = screen
    const present = this.#present.get(id) ?? { sockets: new Set(), report: null, seenAt: this.options.now(), writtenAt: Number.NEGATIVE_INFINITY }
    this.#present.set(id, present)
    present.sockets.add(socket)
    this.options.peers.announce()
    socket.on('disconnect', () => {
      present.sockets.delete(socket)
      this.options.peers.announce()
    })
    socket.on('report', (report: unknown) => this.#take(id, present, report))
    socket.on('settings', (settings: unknown, answer: unknown) => {
      const reply = typeof answer === 'function' ? (answer as (r: { stored: boolean }) => void) : () => {}
      if (!Check(ScreenSettingsSchema, settings)) return reply({ stored: false })
      this.change(id, { name: null, settings }).then(
        (row) => reply({ stored: row !== null }),
        () => reply({ stored: false }),
      )
    })
    socket.emit('screen', selfOf(screen))
  }

  #take(id: number, present: Present, report: unknown): void {
    if (!Check(ScreenReport, report)) return
    const at = this.options.now()
    present.report = report
    present.seenAt = at
    if (Math.abs(at - present.writtenAt) < seenEveryMs) return
    present.writtenAt = at
    seeScreen(this.options.pool, id, at, report).catch((error: unknown) => {
      present.writtenAt = Number.NEGATIVE_INFINITY
      this.options.log.warn({ err: String(error) }, 'when a screen was last seen could not be written')
    })
  }

  /** What this server has heard of it itself; null: nothing. What it said last elsewhere stands in the database. */
  now(id: number): { report: ScreenReport | null; seenAt: number } | null {
    const present = this.#present.get(id)
    if (present === undefined || (present.sockets.size === 0 && this.options.peers.hasScreen(id))) return null
    return { report: present.report, seenAt: present.seenAt }
  }

  /** Whether it is connected, to this server or to another one. */
  isOnline(id: number): boolean {
    return this.#socketsOf(id).length > 0 || this.options.peers.hasScreen(id)
  }

  /** Ids of those that are connected to this server. */
  here(): number[] {
    return [...this.#present].flatMap(([id, { sockets }]) => (sockets.size > 0 ? [id] : []))
  }

  async change(id: number, change: { name: string | null; settings: ScreenSettings | null }): Promise<ScreenRow | null> {
    const row = await changeScreen(this.options.pool, id, change)
    if (row) this.#tell(row)
    this.options.peers.screenChanged(id)
    return row
  }

  async revoke(id: number): Promise<boolean> {
    const done = await revokeScreen(this.options.pool, id, this.options.now())
    this.#end(id)
    this.options.peers.screenChanged(id)
    return done
  }

  /** Another server has changed or revoked it. */
  async lookAgain(id: number): Promise<void> {
    if (this.#socketsOf(id).length === 0) return this.options.onRevoked(id)
    const row = await loadScreen(this.options.pool, id)
    if (row) this.#tell(row)
    else this.#end(id)
  }

  #socketsOf(id: number): readonly CitySocket[] {
    return [...(this.#present.get(id)?.sockets ?? [])]
  }

  #tell(row: ScreenRow): void {
    for (const socket of this.#socketsOf(row.id)) socket.emit('screen', selfOf(row))
  }

  #end(id: number): void {
    this.options.onRevoked(id)
    for (const socket of this.#socketsOf(id)) {
      socket.emit('screen', { paired: false })
      socket.disconnect(true)
    }
    this.#present.delete(id)
  }

  /** To all pages of the screen, on this server and on others; done when one says so. */
  async command(id: number, command: ScreenCommand): Promise<'done' | 'offline' | 'unanswered'> {
    const { peers } = this.options
    const asked = [this.commandHere(id, command), peers.hasScreen(id) ? peers.command(id, command) : null]
    const answers = (await Promise.all(asked)).filter((a) => a !== null)
    if (answers.length === 0) return 'offline'
    return answers.includes(true) ? 'done' : 'unanswered'
  }

  /** Null: it is not connected here. */
  async commandHere(id: number, command: ScreenCommand): Promise<boolean | null> {
    const sockets = this.#socketsOf(id)
    if (sockets.length === 0) return null
    const answers = await Promise.all(
      sockets.map((socket) =>
        socket
          .timeout(this.options.commandTimeoutMs ?? 5000)
          .emitWithAck('command', command)
          .then((answer: unknown) => typeof answer === 'object' && answer !== null && 'done' in answer && answer.done === true)
          .catch(() => false),
      ),
    )
    return answers.includes(true)
  }
}

const selfOf = ({ id, name, settings }: ScreenRow) => ({ paired: true as const, id, name, settings: settingsOf(settings) })
