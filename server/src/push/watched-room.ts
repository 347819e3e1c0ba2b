import type { Delta, Room } from '@yiping/contract'
import type { Scope } from '../access/principal.ts'
import { broadcast } from './broadcast.ts'
import { RoomState } from './room-state.ts'
import type { CityServer, CitySocket } from './sockets.ts'

/**
 * A room that somebody watches. Each of its clients:
 *
 * | state     | leaves by                         | sends    | to        |
 * |-----------|-----------------------------------|----------|-----------|
 * | joining   | the end of this turn              | snapshot | in flight |
 * | in flight | frame taken in, nothing missed    |          | ready     |
 * | in flight | a delta comes up                  |          | behind    |
 * | behind    | frame taken in                    | snapshot | in flight |
 * | in flight | no answer in time (the hub looks) |          | closed    |
 * | ready     | a delta comes up                  | delta    | in flight |
 *
 * So a stalled client costs one frame and two entries a room, and nobody else anything; one that is ready costs an entry.
 */
export class WatchedRoom {
  readonly state: RoomState
  readonly members = new Set<CitySocket>()
  /** When the last delta left, by the clock that only runs forward: a clock that is set back must hold nothing up. */
  sentAt = Number.NEGATIVE_INFINITY
  /** The next look, when one is due. */
  due: NodeJS.Timeout | null = null
  /** By whom a frame is not yet taken in, and since when, ms of the same clock. */
  readonly #inFlight = new Map<CitySocket, number>()
  /** Of these, who has missed at least one delta meanwhile. */
  readonly #behind = new Set<CitySocket>()
  readonly #joining = new Set<CitySocket>()

  constructor(
    readonly room: Room,
    private readonly io: CityServer,
    private readonly now: () => number,
    /** What left, frame by frame and client by client. */
    private readonly counts: { snapshots: number; deltas: number } = { snapshots: 0, deltas: 0 },
    /** Districts whose stations its clients see. */
    readonly scope: Scope = null,
  ) {
    this.state = new RoomState(room)
  }

  /** `since`: the sequence that the client holds. */
  join(socket: CitySocket, since: number | undefined): void {
    this.members.add(socket)
    if (since !== this.state.seq) this.#owe(socket)
  }

  leave(socket: CitySocket): boolean {
    this.#inFlight.delete(socket)
    this.#behind.delete(socket)
    this.#joining.delete(socket)
    return this.members.delete(socket)
  }

  send(delta: Delta): void {
    this.sentAt = performance.now()
    const ready: CitySocket[] = []
    for (const socket of this.members) {
      // Who joins this very turn gets the delta with the snapshot.
      if (this.#joining.has(socket)) continue
      if (this.#inFlight.has(socket)) this.#behind.add(socket)
      else ready.push(socket)
    }
    this.#put('delta', delta, ready)
  }

  /** Sends the snapshots that are owed, to all at once: after a restart a thousand screens come back together. */
  flush(): void {
    if (this.#joining.size === 0) return
    const joining = [...this.#joining]
    this.#joining.clear()
    this.#put('snapshot', this.state.snapshot(this.now()), joining)
  }

  /** Who has had a frame since before `before` (ms of the clock that only runs forward) and said nothing. */
  *stalledSince(before: number): Iterable<CitySocket> {
    for (const [socket, at] of this.#inFlight) if (at < before) yield socket
  }

  stop(): void {
    if (this.due) clearTimeout(this.due)
    this.due = null
    this.#joining.clear()
  }

  #owe(socket: CitySocket): void {
    if (this.#inFlight.has(socket)) {
      this.#behind.add(socket)
      return
    }
    if (this.#joining.size === 0) setImmediate(() => this.flush())
    this.#joining.add(socket)
  }

  #put(kind: 'snapshot' | 'delta', frame: Parameters<typeof broadcast>[2], to: readonly CitySocket[]): void {
    // Whole milliseconds: a number that needs no object of its own.
    const at = Math.floor(performance.now())
    for (const socket of to) this.#inFlight.set(socket, at)
    this.counts[kind === 'snapshot' ? 'snapshots' : 'deltas'] += to.length
    broadcast(this.io, kind, frame, to, (socket) => this.#taken(socket))
  }

  #taken(socket: CitySocket): void {
    if (this.#inFlight.delete(socket) && this.#behind.delete(socket)) this.#owe(socket)
  }
}
