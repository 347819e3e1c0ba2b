import { shallowRef, type ShallowRef } from 'vue'
import type { Moment, Room, SubscribeAnswer, SubscribeRequest, TravelAnswer, TravelRequest } from '@yiping/contract/screen'
import type { Cells } from './cells.ts'
import { beat, noClock, serverTime, type ServerClock } from './clock.ts'
import { roomOf, takeDelta, takeSnapshot } from './frames.ts'
import { backoffMs, cutAfterMs, lateAfterMs, linkState, type LinkState } from './link.ts'

/**
 * The one socket of the page. Its life:
 *
 * | socket        | event                       | next          | done on the way                                             |
 * |---------------|-----------------------------|---------------|-------------------------------------------------------------|
 * | idle          | start()                     | connecting    |                                                             |
 * | connecting    | connect                     | open          | attempt := 0; subscribe all rooms with the sequences held   |
 * | connecting    | connect_error               | waiting       | back off; `onRefused` when it is not the server's being away |
 * | open          | snapshot, delta in sequence | open          | into the cells; acknowledged when the screen has taken it   |
 * | open          | delta out of sequence       | open          | ask for that room again, without `since`                    |
 * | open          | heartbeat                   | open          | clock; deadlines at 3.5 s and 5 s are set anew              |
 * | open          | no heartbeat for 5 s        | waiting       | drop the socket (half-open line); back off                  |
 * | open          | disconnect                  | waiting       | back off 0.5–1.5 s at first, up to 10 s, with jitter        |
 * | waiting       | time is up                  | connecting    |                                                             |
 * | any           | resync() (page visible)     | same          | open: subscribe anew; waiting: connect at once              |
 * | any           | frame of another protocol   | same          | `onForeign`: the page must reload                           |
 * | any           | travel(wish)                | same          | open: ask for it; else with the next connection, before the rooms |
 * | any           | stop()                      | stopped       | timers cleared, socket closed                               |
 *
 * What a screen shows follows from the heartbeat's age alone, see link.ts.
 */
export interface SocketPort {
  readonly connected: boolean
  on(event: string, listener: (...args: never[]) => void): unknown
  emit(event: 'subscribe', request: SubscribeRequest, answer: (reply: SubscribeAnswer) => void): unknown
  emit(event: 'unsubscribe', request: { rooms: string[] }): unknown
  emit(event: 'travel', request: TravelRequest, answer: (reply: TravelAnswer) => void): unknown
  connect(): unknown
  disconnect(): unknown
}

export interface ConnectionOptions {
  socket: SocketPort
  cells: Cells
  /** The server runs another version than it did when this page heard it first. */
  onVersion: (version: string) => void
  /** A frame of another protocol version. */
  onForeign: () => void
  /** The server does not let this page in, by its code: whoever knows who this is decides whether to stop. */
  onRefused?: (code: string) => void
  /** Milliseconds of a clock that only runs forward. */
  now?: () => number
  random?: () => number
}

export interface Journey {
  /** epoch ms */
  at: number
  speed: number
}

export interface Connection {
  readonly link: Readonly<ShallowRef<LinkState>>
  /** Rooms that the server refused, with its reason. */
  readonly refused: Readonly<ShallowRef<ReadonlyMap<string, string>>>
  /** Counts connections; 2 and more are reconnections. */
  readonly opened: Readonly<ShallowRef<number>>
  /** Server time now, epoch ms; null before the first heartbeat. */
  serverNow(): number | null
  /** Server time of the last heartbeat. */
  lastBeat(): number | null
  /** The moment that the cells are of while the page travels; null: they are of now. */
  readonly moment: Readonly<ShallowRef<Moment | null>>
  /** What was asked for last; null: to be live. Its frames come after its `moment`. */
  readonly journey: Readonly<ShallowRef<Journey | null>>
  /** Why the server did not let it travel. */
  readonly travelRefused: Readonly<ShallowRef<TravelAnswer['refused']>>
  /** To another moment, at another speed (seconds a second, 0: standing still); null: back to now. */
  travel(wish: Partial<Journey> | null): void
  join(room: Room): () => void
  start(): void
  resync(): void
  stop(): void
}

/** What the server refuses a handshake with; anything else is a server that is away, or not ready. */
const refusals: ReadonlySet<string> = new Set(['signed_out', 'credential_unknown', 'forbidden'])

export function createConnection(options: ConnectionOptions): Connection {
  const { socket, cells } = options
  const now = options.now ?? (() => performance.now())
  const random = options.random ?? Math.random

  const link = shallowRef<LinkState>('starting')
  const refused = shallowRef<ReadonlyMap<string, string>>(new Map())
  const opened = shallowRef(0)
  const moment = shallowRef<Moment | null>(null)
  const journey = shallowRef<Journey | null>(null)
  const travelRefused = shallowRef<TravelAnswer['refused']>(null)
  const wanted = new Map<Room, number>()

  let clock: ServerClock = noClock
  let lastBeatLocal: number | null = null
  let lastBeatServer: number | null = null
  let version: string | null = null
  let openedAt = now()
  let attempt = 0
  let started = false
  let retry: ReturnType<typeof setTimeout> | undefined
  let lateTimer: ReturnType<typeof setTimeout> | undefined
  let cutTimer: ReturnType<typeof setTimeout> | undefined

  const judge = (): void => {
    link.value = linkState(lastBeatLocal, openedAt, now())
  }

  const armDeadlines = (): void => {
    clearTimeout(lateTimer)
    clearTimeout(cutTimer)
    lateTimer = setTimeout(judge, lateAfterMs + 1)
    cutTimer = setTimeout(() => {
      judge()
      if (socket.connected) socket.disconnect()
      else if (started && retry === undefined) waitAndConnect()
    }, cutAfterMs + 1)
  }

  const connect = (): void => {
    clearTimeout(retry)
    retry = undefined
    if (started && !socket.connected) socket.connect()
  }

  const waitAndConnect = (): void => {
    if (!started || retry !== undefined) return
    retry = setTimeout(connect, backoffMs(attempt++, random()))
  }

  const subscribe = (rooms: Room[], withSince: boolean): void => {
    if (!socket.connected || rooms.length === 0) return
    const since: Record<string, number> = {}
    if (withSince) {
      for (const room of rooms) {
        const seq = cells.room(room).seq
        if (seq !== null) since[room] = seq
      }
    }
    socket.emit('subscribe', Object.keys(since).length > 0 ? { rooms, since } : { rooms }, (reply) => {
      const next = new Map(refused.value)
      for (const room of reply.joined) next.delete(room)
      for (const { room, code } of reply.refused) next.set(room, code)
      refused.value = next
    })
  }

  const backToNow = (refused: TravelAnswer['refused'] = null): void => {
    journey.value = null
    moment.value = null
    travelRefused.value = refused
  }
  const askToTravel = (request: TravelRequest): void => {
    if (!socket.connected) return
    const wish = journey.value
    socket.emit('travel', request, ({ refused: why }) => {
      // An answer to an earlier wish says nothing about the present one.
      if (journey.value !== wish) return
      if (wish === null || why !== null) backToNow(why)
    })
  }

  const take =
    (judgeFrame: typeof takeSnapshot) =>
    (frame: unknown, done?: () => void): void => {
      const acknowledge = (): void => done?.()
      const room = roomOf(frame)
      // A room that was left meanwhile: the server only wants to hear that the frame arrived.
      if (room === null || !wanted.has(room)) return acknowledge()
      const verdict = judgeFrame(cells.room(room), frame)
      if (verdict.kind === 'taken') return cells.touch(room, verdict.changed, acknowledge)
      acknowledge()
      if (verdict.kind === 'foreign') options.onForeign()
      else subscribe([room], false)
    }

  socket.on('connect', () => {
    attempt = 0
    opened.value++
    // A new connection is live until it asks otherwise: first where to, then what.
    if (journey.value !== null) askToTravel({ at: moment.value?.at ?? journey.value.at, speed: journey.value.speed })
    else moment.value = null
    subscribe([...wanted.keys()], journey.value === null)
  })
  socket.on('disconnect', () => waitAndConnect())
  socket.on('connect_error', (error: Error) => {
    waitAndConnect()
    if (refusals.has(error.message)) options.onRefused?.(error.message)
  })
  socket.on('snapshot', take(takeSnapshot))
  socket.on('delta', take(takeDelta))
  socket.on('moment', (m: Moment) => {
    if (journey.value === null) return
    moment.value = m
    if (m.ended) travel(null)
  })
  socket.on('heartbeat', (message: { at?: unknown; version?: unknown }) => {
    if (typeof message?.at !== 'number') return
    lastBeatLocal = now()
    lastBeatServer = message.at
    clock = beat(clock, message.at, lastBeatLocal)
    link.value = 'live'
    armDeadlines()
    if (typeof message.version === 'string') {
      version ??= message.version
      if (version !== message.version) options.onVersion(message.version)
    }
  })

  const travel = (wish: Partial<Journey> | null): void => {
    travelRefused.value = null
    if (wish === null) {
      if (journey.value === null) return
      journey.value = null
      if (socket.connected) askToTravel({ live: true })
      else moment.value = null
      return
    }
    const at = wish.at ?? moment.value?.at ?? journey.value?.at
    if (at === undefined) return
    const speed = wish.speed ?? journey.value?.speed ?? 0
    journey.value = { at, speed }
    askToTravel(wish.at === undefined && moment.value !== null ? { speed } : { at, speed })
  }

  return {
    link,
    refused,
    opened,
    moment,
    journey,
    travelRefused,
    travel,
    serverNow: () => serverTime(clock, now()),
    lastBeat: () => lastBeatServer,
    join(room) {
      const holders = wanted.get(room) ?? 0
      wanted.set(room, holders + 1)
      if (holders === 0) subscribe([room], true)
      let left = false
      return () => {
        if (left) return
        left = true
        const rest = (wanted.get(room) ?? 1) - 1
        if (rest > 0) {
          wanted.set(room, rest)
          return
        }
        wanted.delete(room)
        if (socket.connected) socket.emit('unsubscribe', { rooms: [room] })
        cells.forget(room)
      }
    },
    start() {
      if (started) return
      started = true
      openedAt = now()
      // What was heard before somebody stopped says nothing of the link now.
      lastBeatLocal = null
      link.value = 'starting'
      attempt = 0
      armDeadlines()
      connect()
    },
    resync() {
      judge()
      if (!started) return
      if (socket.connected) subscribe([...wanted.keys()], true)
      else {
        attempt = 0
        connect()
      }
    },
    stop() {
      started = false
      clearTimeout(retry)
      retry = undefined
      clearTimeout(lateTimer)
      clearTimeout(cutTimer)
      socket.disconnect()
    },
  }
}
