import type { IncomingMessage, Server as HttpServer } from 'node:http'
import {
  type Delta,
  deltaMs,
  heartbeatMs,
  kpiByCode,
  protocolVersion,
  type Room,
  roomPattern,
  type Snapshot,
  type SubscribeAnswer,
  type TravelAnswer,
} from '@yiping/contract'
import { Server } from 'socket.io'
import type { Heads } from '../access/cookies.ts'
import { type Principal, scopeKey, sees } from '../access/principal.ts'
import type { LiveStation } from '../live/city.ts'
import type { Live } from '../live/live.ts'
import type { PastCity } from '../past/past-city.ts'
import { ProblemError } from '../plugins/problem.ts'
import { sameHost } from '../plugins/same-site.ts'
import { cellsOf, concerns, partOf, roomAccess, sameFigure } from './cells-of.ts'
import { roomsIn, sinceIn, travelIn } from './requests.ts'
import type { CityServer, CitySocket } from './sockets.ts'
import { Traveller } from './traveller.ts'
import { WatchedRoom } from './watched-room.ts'

export interface HubOptions {
  live: Live
  /** The city as it was at a moment, epoch ms. */
  openPast: (at: number) => Promise<PastCity>
  version: string
  now: () => number
  log: { warn: (o: object, m: string) => void; info: (o: object, m: string) => void }
  /** Who opens a socket; null: nobody. Rejects when that cannot be said now. */
  admit: (heads: Heads & { address: string }, auth: unknown) => Promise<Principal | null>
  /** Where a request comes from, as routes are told. */
  addressOf: (request: IncomingMessage) => string
  mayConnect: (address: string) => boolean
  /** One who asks for rooms again and again is closed, and comes back later. */
  maySubscribe: (principal: Principal) => boolean
  /** Those of these whose session, token or credential is over, or stands for other rights than it did. */
  over: (principals: ReadonlySet<Principal>) => Promise<ReadonlySet<Principal>>
  /** Also told of every new socket. */
  onSocket?: (socket: CitySocket) => void
  /** A client that does not take a frame in for so long is dead: its socket is closed, ms. */
  ackTimeoutMs?: number
  maxRoomsPerClient?: number
  /** Each holds a city of its own in memory. */
  maxTravellers?: number
}

/** Notifications of one batch come one after another: they are gathered into one delta, ms. */
const gatherMs = 20
/** How often it is asked whether those who listen still may; what ends in this process ends at once. */
const overMs = 10_000
/** A KPI whose figure stands still is sent for its as-of alone no more often than this, ms: it stays ready for a figure that moves. */
const asOfMs = 5000

/** Clients of one scope see the same: they share the room. */
const keyOf = (room: Room, { data }: CitySocket): string => (data.principal.districts === null ? room : `${room} ${scopeKey(data.principal.districts)}`)

/** Rooms over Socket.IO: who is in which, and when each is looked at. What a client of a room is sent stands in `WatchedRoom`. */
export class Hub {
  readonly #io: CityServer
  /** By room and scope. */
  readonly #rooms = new Map<string, WatchedRoom>()
  readonly #travellers = new Map<CitySocket, Traveller>()
  readonly #timers: NodeJS.Timeout[] = []
  /** Since the start. */
  readonly counts = { snapshots: 0, deltas: 0, stalled: 0 }

  constructor(
    server: HttpServer,
    private readonly options: HubOptions,
  ) {
    this.#io = new Server(server, {
      transports: ['websocket'],
      serveClient: false,
      perMessageDeflate: false,
      maxHttpBufferSize: 64 * 1024,
      pingInterval: 10_000,
      pingTimeout: 10_000,
      allowRequest: (request, decide) => {
        // A page of another origin must not open a socket with the reader's network position.
        const { origin, host } = request.headers
        decide(null, (origin === undefined || sameHost(origin, host)) && options.mayConnect(options.addressOf(request)))
      },
    })
    // Who asked for the socket, and with what headers, is not kept: each is some kilobytes. Two of them until it is let in.
    const heads = new WeakMap<object, Heads & { address: string }>()
    this.#io.engine.on('connection', (raw: { request: IncomingMessage | null }) => {
      const { cookie, host } = raw.request?.headers ?? {}
      heads.set(raw, { cookie, host, address: raw.request === null ? '' : options.addressOf(raw.request) })
      raw.request = null
    })
    this.#io.use((socket, next) => {
      const known = heads.get(socket.conn) ?? { address: '' }
      heads.delete(socket.conn)
      options.admit(known, socket.handshake.auth).then(
        (principal) => {
          if (principal === null) return next(new Error('signed_out'))
          socket.data.principal = principal
          next()
        },
        (error: unknown) => next(new Error(error instanceof ProblemError ? error.code : 'not_ready')),
      )
    })
    this.#io.on('connection', (socket) => this.#greet(socket))
  }

  get clients(): number {
    return this.#io.engine.clientsCount
  }
  get rooms(): number {
    return this.#rooms.size
  }
  get travellers(): number {
    return this.#travellers.size
  }

  start(): void {
    this.#timers.push(
      setInterval(() => this.#io.emit('heartbeat', { v: protocolVersion, at: this.options.now(), version: this.options.version }), heartbeatMs),
      // Ages, states and the truth change without a reading.
      setInterval(() => this.#look(null), deltaMs),
      setInterval(() => void this.closeOver(), overMs),
      setInterval(() => this.#closeStalled(), Math.min(deltaMs, this.#ackTimeoutMs)),
    )
    this.options.live.onChange = (stations) => this.#look(stations)
    this.options.live.alarms.onChange = () => this.#lookAt((room) => room === 'alarms' || room === 'alarm-summary')
  }

  async stop(): Promise<void> {
    this.options.live.onChange = () => {}
    this.options.live.alarms.onChange = () => {}
    for (const t of this.#timers) clearInterval(t)
    for (const room of this.#rooms.values()) room.stop()
    await this.#io.close()
    await Promise.all([...this.#travellers.values()].map((t) => t.stop()))
  }

  /**
   * Has the rooms looked at that new values concern (null: all). A room that was quiet for a second sends at once, after
   * a moment for what comes in the same batch; a busy one a second after its last delta.
   */
  #look(stations: ReadonlySet<LiveStation> | null): void {
    const { live, now } = this.options
    const at = now()
    if (stations === null) live.delivered(at)
    this.#lookAt((room) => stations === null || concerns(room, stations))
  }

  #lookAt(wanted: (room: Room) => boolean): void {
    if (!this.options.live.loaded) return
    for (const [key, entry] of this.#rooms) {
      if (entry.due !== null || !wanted(entry.room)) continue
      entry.due = setTimeout(() => this.#send(key), Math.max(gatherMs, entry.sentAt + deltaMs - performance.now()))
    }
  }

  /** Sends what has changed in a room since its last delta. */
  #send(key: string): void {
    const entry = this.#rooms.get(key)
    if (!entry) return
    const { room } = entry
    const { live, now } = this.options
    const at = now()
    entry.due = null
    if (room === 'overview') live.delivered(at)
    const mayWait = partOf(room).kind === 'kpi' && performance.now() - entry.sentAt < asOfMs ? sameFigure : undefined
    const delta = entry.state.advance(cellsOf(live, room, at, entry.scope), at, mayWait)
    if (delta === null) return
    entry.send(delta)
  }

  get #ackTimeoutMs(): number {
    return this.options.ackTimeoutMs ?? 20_000
  }

  #greet(socket: CitySocket): void {
    socket.on('subscribe', (request, answer) => {
      if (!this.options.maySubscribe(socket.data.principal)) {
        this.options.log.warn({ socket: socket.id }, 'a client asks for rooms again and again: closed')
        return void socket.disconnect(true)
      }
      const reply = this.#subscribe(socket, request)
      if (typeof answer === 'function') answer(reply)
    })
    socket.on('unsubscribe', (request) => {
      for (const name of roomsIn(request)) {
        if (!roomPattern.test(name)) continue
        this.#travellers.get(socket)?.leave(name as Room)
        this.#leave(socket, name as Room)
      }
    })
    socket.on('travel', (request, answer) => {
      const reply = this.#travel(socket, request)
      if (typeof answer === 'function') answer(reply)
    })
    socket.on('disconnect', () => {
      this.#endTravel(socket)
      for (const { room } of [...this.#rooms.values()]) this.#leave(socket, room)
    })
    socket.emit('heartbeat', { v: protocolVersion, at: this.options.now(), version: this.options.version })
    this.options.onSocket?.(socket)
  }

  #subscribe(socket: CitySocket, request: unknown): SubscribeAnswer {
    const answer: SubscribeAnswer = { joined: [], refused: [] }
    const rooms = roomsIn(request)
    if (rooms.length === 0) answer.refused.push({ room: '', code: 'request_malformed' })
    const since = sinceIn(request)
    for (const name of rooms) {
      if (!roomPattern.test(name)) {
        answer.refused.push({ room: name.slice(0, 80), code: 'room_unknown' })
        continue
      }
      const room = name as Room
      const part = partOf(room)
      const { principal } = socket.data
      if (!principal.permissions.has(roomAccess[part.kind])) answer.refused.push({ room, code: 'forbidden' })
      else if (part.kind === 'station' && !this.#sees(principal, part.code)) answer.refused.push({ room, code: 'station_unknown' })
      else if ((part.kind === 'kpi' || part.kind === 'choropleth') && !kpiByCode.has(part.code)) answer.refused.push({ room, code: 'kpi_unknown' })
      else if (this.#roomsOf(socket).size >= (this.options.maxRoomsPerClient ?? 64) && !this.#roomsOf(socket).has(room))
        answer.refused.push({ room, code: 'too_many_rooms' })
      else {
        const traveller = this.#travellers.get(socket)
        if (traveller) traveller.join(room)
        else this.#join(socket, room, since[room])
        answer.joined.push(room)
      }
    }
    return answer
  }

  /** A station of another district is to its reader as one that there is not. */
  #sees({ districts }: Principal, code: string): boolean {
    const station = this.options.live.city.byCode.get(code)
    return station !== undefined && sees(districts, station.registered.district)
  }

  #join(socket: CitySocket, room: Room, since: number | undefined): void {
    const { live, now } = this.options
    const key = keyOf(room, socket)
    let entry = this.#rooms.get(key)
    if (!entry) {
      const scope = socket.data.principal.districts
      entry = new WatchedRoom(room, this.#io, now, this.counts, scope)
      this.#rooms.set(key, entry)
      if (live.loaded) entry.state.advance(cellsOf(live, room, now(), scope), now())
    }
    entry.join(socket, since)
  }

  #closeStalled(): void {
    const before = performance.now() - this.#ackTimeoutMs
    const stalled = new Map<CitySocket, Room>()
    for (const entry of this.#rooms.values()) for (const socket of entry.stalledSince(before)) stalled.set(socket, entry.room)
    for (const [socket, room] of stalled) {
      this.options.log.warn({ room, socket: socket.id }, 'a client takes nothing in: closed')
      this.counts.stalled += 1
      socket.disconnect(true)
    }
  }

  /** Closes the sockets of whom `which` picks, at once. */
  close(which: (principal: Principal) => boolean): void {
    for (const socket of this.#io.of('/').sockets.values()) if (which(socket.data.principal)) socket.disconnect(true)
  }

  /** Closes the sockets of whose session, token or screen was ended elsewhere or is over, or who may something else now. While the database cannot be asked nobody is turned away. */
  async closeOver(): Promise<void> {
    const all = new Set<Principal>()
    for (const socket of this.#io.of('/').sockets.values()) all.add(socket.data.principal)
    try {
      const over = await this.options.over(all)
      if (over.size > 0) this.close((p) => over.has(p))
    } catch (error) {
      this.options.log.warn({ err: String(error) }, 'whether those who listen still may was not asked')
    }
  }

  #leave(socket: CitySocket, room: Room): void {
    const key = keyOf(room, socket)
    const entry = this.#rooms.get(key)
    if (!entry?.leave(socket) || entry.members.size > 0) return
    entry.stop()
    this.#rooms.delete(key)
  }

  #roomsOf(socket: CitySocket): ReadonlySet<Room> {
    const traveller = this.#travellers.get(socket)
    if (traveller) return traveller.rooms
    const rooms = new Set<Room>()
    for (const { room, members } of this.#rooms.values()) if (members.has(socket)) rooms.add(room)
    return rooms
  }

  /** A client is either live or travels: it keeps its rooms, and hears nothing of now while it is away. */
  #travel(socket: CitySocket, request: unknown): TravelAnswer {
    const wish = travelIn(request)
    if (wish === null) return { refused: 'request_malformed' }
    const { live, now, log, maxTravellers = 8 } = this.options
    const traveller = this.#travellers.get(socket)
    if (wish === 'live') {
      const rooms = this.#roomsOf(socket)
      this.#endTravel(socket)
      if (traveller) for (const room of rooms) this.#join(socket, room, undefined)
      // What is so now is there before the page calls itself live again.
      for (const room of rooms) this.#rooms.get(keyOf(room, socket))?.flush()
      return { refused: null }
    }
    if (!live.loaded) return { refused: 'not_ready' }
    if (wish.at !== null && wish.at > now()) return { refused: 'moment_to_come' }
    if (traveller) traveller.travel(wish.at, wish.speed)
    else if (wish.at === null) return { refused: 'request_malformed' }
    else if (this.#travellers.size >= maxTravellers) return { refused: 'too_many_travellers' }
    else {
      const rooms = this.#roomsOf(socket)
      const started = new Traveller(
        {
          now,
          open: this.options.openPast,
          scope: socket.data.principal.districts,
          onFault: (error) => log.warn({ err: String(error), socket: socket.id }, 'a past moment was not read'),
          port: {
            moment: (moment) => socket.emit('moment', moment),
            frame: (kind, frame) => this.#sendFrame(socket, kind, frame),
          },
        },
        wish.at,
        wish.speed,
      )
      this.#travellers.set(socket, started)
      for (const room of rooms) {
        this.#leave(socket, room)
        started.join(room)
      }
    }
    return { refused: null }
  }

  #endTravel(socket: CitySocket): void {
    void this.#travellers.get(socket)?.stop()
    this.#travellers.delete(socket)
  }

  /** Resolves when the client has it; a client that takes nothing in is closed. */
  #sendFrame(socket: CitySocket, kind: 'snapshot' | 'delta', frame: Snapshot | Delta): Promise<void> {
    return new Promise((resolve, reject) => {
      const taken = (error: Error | null): void => {
        if (error === null) return resolve()
        socket.disconnect(true)
        reject(error)
      }
      this.counts[kind === 'snapshot' ? 'snapshots' : 'deltas'] += 1
      if (kind === 'snapshot') socket.timeout(this.#ackTimeoutMs).emit('snapshot', frame as Snapshot, taken)
      else socket.timeout(this.#ackTimeoutMs).emit('delta', frame as Delta, taken)
    })
  }
}
