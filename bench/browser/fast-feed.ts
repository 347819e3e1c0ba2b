import type { DomainCode, TrendCell, TrendLine } from '@yiping/contract'
import type { Page, WebSocketRoute } from 'playwright-core'
import { cellsIn } from './watch-cells.ts'

interface Frame {
  room: string
  seq: number
  data: { set: Record<string, unknown>; del: string[] }
}
interface Second {
  at: number
  frames: Frame[]
}

const isDelta = /^42\d*\["delta",/
const hour = 3_600_000
const day = 24 * hour
const columns = ['t', 'mean', 'low', 'high', 'count'] as const

/** Every time in a frame moved by `ms`: numbers that are epoch milliseconds around `about`. */
export function moved<T>(value: T, ms: number, about: number): T {
  return JSON.parse(JSON.stringify(value), (_key, v: unknown) => (typeof v === 'number' && v > about - 3 * day && v < about + day ? v + ms : v)) as T
}

/** A day's line one bucket further: the new one as the one before, and after a whole day a new day. */
export function onward(trend: TrendCell): TrendCell {
  const last = (line: TrendLine): number => line.t.at(-1) ?? trend.dayStart - trend.bucketMs
  const next = last(trend.today) + trend.bucketMs
  const from = trend.today.t.length > 0 ? trend.today : trend.yesterday
  const grown = (line: TrendLine): TrendLine => {
    const longer = { ...line }
    for (const c of columns) longer[c] = [...line[c], c === 't' ? next : (from[c].at(-1) ?? 0)]
    return longer
  }
  if (next < trend.dayStart + day) return { ...trend, today: grown(trend.today) }
  return { ...trend, dayStart: trend.dayStart + day, yesterday: trend.today, today: grown({ t: [], mean: [], low: [], high: [], count: [] }) }
}

/**
 * Stands between a page and its server: first it lets everything through and keeps what came, then it plays those
 * seconds over and over, `speed` of them a second, with every time in them moved on, so that to the page hours of live
 * data pass in minutes. A second is sent when the page has taken in the one before.
 */
export class FastFeed {
  #route: WebSocketRoute | null = null
  #fast = false
  #seconds: Second[] = []
  readonly #seqs = new Map<string, number>()
  readonly #trends = new Map<DomainCode, TrendCell>()
  #version = ''
  #open = new Set<number>()
  #ack = 1_000_000
  /** Seconds of the page's time that were played. */
  played = 0
  /** What the page asked for meanwhile: it has missed something. */
  asked = 0

  static async between(page: Page): Promise<FastFeed> {
    const feed = new FastFeed()
    await page.routeWebSocket(/\/socket\.io\//, (route) => feed.#take(route))
    return feed
  }

  #take(route: WebSocketRoute): void {
    this.#route = route
    const server = route.connectToServer()
    // Once it plays by itself the server may go.
    server.onClose((code, reason) => {
      if (!this.#fast) void route.close({ ...(code === undefined ? {} : { code }), ...(reason === undefined ? {} : { reason }) })
    })
    server.onMessage((message) => {
      if (this.#fast) return
      const text = message.toString()
      this.#note(text)
      route.send(message)
    })
    route.onMessage((message) => {
      const text = message.toString()
      const ack = this.#fast ? /^43(\d+)\[/.exec(text) : null
      if (ack) this.#open.delete(Number(ack[1]))
      else if (!this.#fast) server.send(message)
      else if (text.startsWith('42')) this.asked += 1
    })
  }

  #note(text: string): void {
    for (const [key, value] of cellsIn(text)) if (key.startsWith('trend:')) this.#trends.set(key.slice(6) as DomainCode, value as TrendCell)
    if (text.startsWith('42["heartbeat"')) {
      const [, beat] = JSON.parse(text.slice(2)) as [string, { at: number; version: string }]
      this.#version = beat.version
      this.#seconds.push({ at: beat.at, frames: [] })
    }
    const packet = /^42\d*(\["(?:snapshot|delta)",.*)$/s.exec(text)
    if (!packet?.[1]) return
    const [, frame] = JSON.parse(packet[1]) as [string, Frame]
    this.#seqs.set(frame.room, frame.seq)
    if (isDelta.test(text)) this.#seconds.at(-1)?.frames.push(frame)
  }

  /** Keeps nothing more, and lets nothing of the server through. */
  hold(): void {
    this.#fast = true
  }

  /** Plays from now on until `until` says so. */
  async play(speed: number, until: () => boolean): Promise<void> {
    const seconds = this.#seconds.slice(2)
    const first = seconds[0]?.at ?? 0
    const from = this.#seconds.at(-1)?.at ?? 0
    let next = performance.now()
    while (!until()) {
      const now = from + (this.played + 1) * 1000
      // Engine.IO's ping, so that the line is not taken for dead.
      if (this.played % (5 * speed) === 0) this.#route?.send('2')
      const second = seconds[this.played % seconds.length]
      if (second === undefined) throw new Error('nothing was recorded')
      this.played += 1
      this.#send('heartbeat', { v: 1, at: now, version: this.#version })
      for (const frame of second.frames) {
        const set = moved(Object.fromEntries(Object.entries(frame.data.set).filter(([key]) => !key.startsWith('trend'))), now - second.at, first)
        if (frame.room === 'overview' && this.played % 300 === 0)
          for (const [domain, trend] of this.#trends) {
            const grown = onward(trend)
            this.#trends.set(domain, grown)
            set[`trend:${domain}`] = grown
          }
        const seq = (this.#seqs.get(frame.room) ?? 0) + 1
        this.#seqs.set(frame.room, seq)
        this.#send('delta', { v: 1, room: frame.room, seq, at: now, data: { set, del: frame.data.del } }, true)
      }
      next = Math.max(next + 1000 / speed, performance.now())
      do await new Promise((resolve) => setTimeout(resolve, Math.max(1, next - performance.now())))
      while (this.#open.size > 0)
    }
  }

  #send(event: string, body: unknown, acknowledged = false): void {
    let id = ''
    if (acknowledged) {
      this.#ack += 1
      id = String(this.#ack)
      this.#open.add(this.#ack)
    }
    this.#route?.send(`42${id}${JSON.stringify([event, body])}`)
  }
}
