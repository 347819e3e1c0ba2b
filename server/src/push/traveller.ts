import { deltaMs, type Moment, protocolVersion, type Room } from '@yiping/contract'
import type { Scope } from '../access/principal.ts'
import type { PastCity } from '../past/past-city.ts'
import { cellsOf } from './cells-of.ts'
import { RoomState } from './room-state.ts'

/** What a traveller needs of a client's socket. `frame` answers when the client has taken it in; it throws when it takes nothing. */
export interface TravelPort {
  moment(moment: Moment): void
  frame(kind: 'snapshot' | 'delta', frame: ReturnType<RoomState['snapshot']> | NonNullable<ReturnType<RoomState['advance']>>): Promise<void>
}

export interface TravellerOptions {
  port: TravelPort
  /** Districts whose stations the client sees. */
  scope?: Scope
  open: (at: number) => Promise<PastCity>
  now: () => number
  onFault: (error: unknown) => void
  /** From a step's begin to the next one's; a slow client or database makes it longer, and nothing is left out. */
  stepMs?: number
}

const retryMs = 1000
/** So close to now there is nothing to replay. */
const nowMs = 1000

/**
 * One client in the past. Its rooms are as they were at one moment; its time moves only when the client has what was.
 *
 * | state    | leaves by                             | to       | done on the way                              |
 * |----------|---------------------------------------|----------|----------------------------------------------|
 * | opening  | the city of that moment is read       | showing  |                                              |
 * | opening  | the database fails                    | opening  | again after a second                         |
 * | showing  | every room's frame is taken in        | standing | moment, then what changed in each room       |
 * | standing | speed > 0 and a step's time is over   | showing  | readings, alarms and trends up to the moment |
 * | standing | another speed                         | standing | moment                                       |
 * | any      | another moment                        | opening  |                                              |
 * | any      | now is reached                        | standing | moment with `ended`, speed 0                 |
 */
export class Traveller {
  readonly #rooms = new Map<Room, RoomState>()
  #past: PastCity | null = null
  #wish: { at: number | null; speed: number } | null = null
  #speed = 0
  #stopped = false
  #wake: () => void = () => {}
  readonly #done: Promise<void>

  constructor(
    private readonly options: TravellerOptions,
    at: number,
    speed: number,
  ) {
    this.#wish = { at, speed }
    this.#done = this.#run()
  }

  get rooms(): ReadonlySet<Room> {
    return new Set(this.#rooms.keys())
  }

  /** Another moment (null: stay), another speed. */
  travel(at: number | null, speed: number): void {
    this.#wish = { at: at ?? this.#wish?.at ?? null, speed }
    this.#wake()
  }

  join(room: Room): void {
    if (this.#rooms.has(room)) return
    this.#rooms.set(room, new RoomState(room))
    if (this.#past) void this.#send(room, 'snapshot').catch(this.options.onFault)
  }

  leave(room: Room): void {
    this.#rooms.delete(room)
  }

  /** Resolves when nothing of it runs any more. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#wake()
    await this.#done
  }

  async #run(): Promise<void> {
    const { options } = this
    const stepMs = options.stepMs ?? deltaMs
    while (!this.#stopped) {
      const started = performance.now()
      try {
        const opened = await this.#step()
        if (this.#stopped) return
        if (this.#wish === null) await this.#show(opened)
      } catch (error) {
        if (this.#stopped) return
        options.onFault(error)
        await this.#sleep(retryMs)
        continue
      }
      if (this.#wish === null) await this.#sleep(this.#speed === 0 ? null : Math.max(0, stepMs - (performance.now() - started)))
    }
  }

  /** Takes a wish up, or the next step. True when it is another city than before. */
  async #step(): Promise<boolean> {
    const { open, now, stepMs = deltaMs } = this.options
    const wish = this.#wish
    if (wish !== null && wish.at !== null) {
      const past = await open(wish.at)
      this.#past = past
      if (this.#wish === wish) this.#wish = null
      this.#speed = wish.speed
      return true
    }
    this.#wish = null
    if (wish !== null) this.#speed = wish.speed
    else if (this.#past && this.#speed > 0) await this.#past.moveTo(Math.min(now(), this.#past.at + this.#speed * stepMs))
    return false
  }

  async #show(opened: boolean): Promise<void> {
    const { port, now } = this.options
    const past = this.#past
    if (past === null) return
    const ended = past.at >= now() - nowMs
    if (ended) this.#speed = 0
    port.moment({ v: protocolVersion, at: past.at, speed: this.#speed, ended })
    await Promise.all([...this.#rooms.keys()].map((room) => this.#send(room, opened ? 'snapshot' : 'delta')))
  }

  async #send(room: Room, kind: 'snapshot' | 'delta'): Promise<void> {
    const state = this.#rooms.get(room)
    if (!state || this.#past === null) return
    const { at } = this.#past
    const delta = state.advance(cellsOf(this.#past, room, at, this.options.scope), at)
    if (kind === 'snapshot') await this.options.port.frame('snapshot', state.snapshot(at))
    else if (delta !== null) await this.options.port.frame('delta', delta)
  }

  #sleep(ms: number | null): Promise<void> {
    if (this.#stopped || this.#wish !== null) return Promise.resolve()
    return new Promise((resolve) => {
      const timer = ms === null ? null : setTimeout(resolve, ms)
      this.#wake = () => {
        if (timer) clearTimeout(timer)
        resolve()
      }
    })
  }
}
