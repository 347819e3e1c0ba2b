import type { Delta, Room, Snapshot } from '@yiping/contract'
import { io, type Socket } from 'socket.io-client'
import { adminToken } from '../signed-in.ts'

/** A wall without a screen, which writes down every frame and says at once that it has it. It comes back by itself, and says then what it holds. */
export class Wall {
  /** What it shows. */
  readonly cells = new Map<string, Map<string, unknown>>()
  /** Frames of each connection, in the order in which they came. */
  readonly connections: { openedAt: number; frames: { kind: 'snapshot' | 'delta'; room: string; seq: number; at: number }[] }[] = []
  readonly #seqs: Record<string, number> = {}

  private constructor(
    private readonly socket: Socket,
    rooms: readonly Room[],
  ) {
    socket.on('connect', () => {
      this.connections.push({ openedAt: performance.now(), frames: [] })
      socket.emit('subscribe', { rooms, since: { ...this.#seqs } }, () => {})
    })
    socket.on('snapshot', (frame: Snapshot, done: () => void) => {
      this.#take('snapshot', frame)
      this.cells.set(frame.room, new Map(Object.entries(frame.data.cells)))
      done()
    })
    socket.on('delta', (frame: Delta, done: () => void) => {
      this.#take('delta', frame)
      const cells = this.cells.get(frame.room)
      for (const [key, value] of Object.entries(frame.data.set)) cells?.set(key, value)
      for (const key of frame.data.del) cells?.delete(key)
      done()
    })
  }

  /** As the page waits before it comes back. `server`: by the proxy's cookie. */
  static hang(address: string, server: 1 | 2, rooms: readonly Room[]): Wall {
    const socket = io(address, {
      ...{ transports: ['websocket'], forceNew: true, auth: { token: adminToken }, extraHeaders: { cookie: `yiping_server=server-${server}` } },
      ...{ reconnectionDelay: 500, reconnectionDelayMax: 2000, randomizationFactor: 0.5, timeout: 8000 },
    })
    return new Wall(socket, rooms)
  }

  #take(kind: 'snapshot' | 'delta', { room, seq }: { room: string; seq: number }): void {
    this.#seqs[room] = seq
    this.connections.at(-1)?.frames.push({ kind, room, seq, at: performance.now() })
  }

  /** What came out of its order: of each connection and room a snapshot comes first, and a delta is the next of what was before it. */
  get holes(): string[] {
    return this.connections.flatMap(({ frames }, connection) => {
      const held = new Map<string, number>()
      return frames.flatMap(({ kind, room, seq }) => {
        const before = held.get(room)
        held.set(room, seq)
        return kind === 'delta' && seq !== (before ?? Number.NaN) + 1 ? [`connection ${connection} ${room}: ${before} then ${seq}`] : []
      })
    })
  }

  close(): void {
    this.socket.close()
  }
}
