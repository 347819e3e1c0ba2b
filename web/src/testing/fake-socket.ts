import type { SubscribeAnswer, SubscribeRequest, TravelAnswer, TravelRequest } from '@yiping/contract/screen'
import type { SocketPort } from '../feed/connection.ts'

/** The server's side of a socket in a test: says what the page asked for, and lets the test send frames. */
export class FakeSocket implements SocketPort {
  connected = false
  attempts = 0
  /** When false, a connection attempt is refused. */
  reachable = true
  readonly subscribed: SubscribeRequest[] = []
  readonly unsubscribed: string[] = []
  /** Events in the order in which the page sent them. */
  readonly asked: string[] = []
  readonly travelled: TravelRequest[] = []
  travelRefused: TravelAnswer['refused'] = null
  acknowledged = 0
  private readonly listeners = new Map<string, ((...args: never[]) => void)[]>()

  on(event: string, listener: (...args: never[]) => void): void {
    this.listeners.set(event, [...(this.listeners.get(event) ?? []), listener])
  }
  emit(event: 'subscribe', request: SubscribeRequest, answer: (reply: SubscribeAnswer) => void): void
  emit(event: 'unsubscribe', request: { rooms: string[] }): void
  emit(event: 'travel', request: TravelRequest, answer: (reply: TravelAnswer) => void): void
  emit(event: string, request: SubscribeRequest | TravelRequest, answer?: (reply: never) => void): void {
    this.asked.push(event)
    if (event === 'travel') {
      this.travelled.push(request as TravelRequest)
      ;(answer as (reply: TravelAnswer) => void)({ refused: this.travelRefused })
      return
    }
    const { rooms } = request as SubscribeRequest
    if (event === 'unsubscribe') this.unsubscribed.push(...rooms)
    else {
      this.subscribed.push(request as SubscribeRequest)
      ;(answer as (reply: SubscribeAnswer) => void)({ joined: rooms as SubscribeAnswer['joined'], refused: [] })
    }
  }
  moment(at: number, speed: number, ended = false): void {
    this.fire('moment', { v: 1, at, speed, ended })
  }
  connect(): void {
    this.attempts++
    if (!this.reachable) return this.fire('connect_error', new Error('refused'))
    this.connected = true
    this.fire('connect')
  }
  disconnect(): void {
    if (!this.connected) return
    this.connected = false
    this.fire('disconnect', 'io client disconnect')
  }
  /** The line breaks. */
  drop(): void {
    this.connected = false
    this.fire('disconnect', 'transport close')
  }
  fire(event: string, ...args: unknown[]): void {
    for (const listener of this.listeners.get(event) ?? []) (listener as (...a: unknown[]) => void)(...args)
  }
  snapshot(room: string, seq: number, cells: Record<string, unknown>, v = 1): void {
    this.fire('snapshot', { v, room, seq, at: 0, data: { cells } }, () => this.acknowledged++)
  }
  delta(room: string, seq: number, set: Record<string, unknown>, del: string[] = []): void {
    this.fire('delta', { v: 1, room, seq, at: 0, data: { set, del } }, () => this.acknowledged++)
  }
  beat(at: number, version = '1'): void {
    this.fire('heartbeat', { v: 1, at, version })
  }
}
