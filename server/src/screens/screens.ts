import { ScreenReport, type ScreenCommand, type ScreenSettings, ScreenSettingsSchema, settingsOf } from '@yiping/contract'
import { changeScreen, loadScreen, type Pool, revokeScreen, type ScreenRow, seeScreen } from '@yiping/db'
import { Check } from 'typebox/value'
import type { CitySocket } from '../push/sockets.ts'

export interface ScreensOptions {
  pool: Pool
  now: () => number
  /** Told that a screen's credential is good for nothing any more. */
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
 * | present  | revoked                          | closed   | `screen {paired: false}`, socket closed       |
 * | present  | disconnect                       | closed   |                                               |
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
    socket.on('disconnect', () => present.sockets.delete(socket))
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

  /** What is known of it here and now; null: not connected. */
  now(id: number): { report: ScreenReport | null; seenAt: number; online: boolean } | null {
    const present = this.#present.get(id)
    return present ? { report: present.report, seenAt: present.seenAt, online: present.sockets.size > 0 } : null
  }

  async change(id: number, change: { name: string | null; settings: ScreenSettings | null }): Promise<ScreenRow | null> {
    const row = await changeScreen(this.options.pool, id, change)
    if (row) for (const socket of this.#present.get(id)?.sockets ?? []) socket.emit('screen', selfOf(row))
    return row
  }

  async revoke(id: number): Promise<boolean> {
    const done = await revokeScreen(this.options.pool, id, this.options.now())
    this.options.onRevoked(id)
    for (const socket of this.#present.get(id)?.sockets ?? []) {
      socket.emit('screen', { paired: false })
      socket.disconnect(true)
    }
    this.#present.delete(id)
    return done
  }

  /** To all pages of the screen; done when one says so. */
  async command(id: number, command: ScreenCommand): Promise<'done' | 'offline' | 'unanswered'> {
    const sockets = [...(this.#present.get(id)?.sockets ?? [])]
    if (sockets.length === 0) return 'offline'
    const answers = await Promise.all(
      sockets.map((socket) =>
        socket
          .timeout(this.options.commandTimeoutMs ?? 5000)
          .emitWithAck('command', command)
          .then((answer: unknown) => typeof answer === 'object' && answer !== null && 'done' in answer && answer.done === true)
          .catch(() => false),
      ),
    )
    return answers.includes(true) ? 'done' : 'unanswered'
  }
}

const selfOf = ({ id, name, settings }: ScreenRow) => ({ paired: true as const, id, name, settings: settingsOf(settings) })
