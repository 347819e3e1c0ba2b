import { subscriptions } from '@yiping/contract'
import mqtt from 'mqtt'
import { deferAcks } from './deferred-acks.ts'
import type { IncomingMessage } from './message.ts'

export interface MqttSourceOptions {
  url: string
  clientId: string
  now: () => number
  onMessage: (message: IncomingMessage) => void
  /** Resolves when there is room again; while it is pending no further message is taken from the socket. */
  room: () => Promise<void> | null
  onState: (state: 'up' | 'down', why: string) => void
}

export interface MqttSource {
  readonly state: 'up' | 'down'
  /** Messages taken in and not yet acknowledged. */
  readonly held: number
  /** Stops taking messages; what is un-acknowledged comes again with the next session. */
  stop: () => Promise<void>
}

/**
 * The subscription at the broker: MQTT 3.1.1, QoS 1, stable client id, session kept.
 *
 * | state | leaves by                                   | to   |
 * |-------|---------------------------------------------|------|
 * | down  | connected and subscribed                    | up   |
 * | up    | connection closed, or broker not answering  | down |
 */
export function startMqttSource(options: MqttSourceOptions): MqttSource {
  const client = mqtt.connect(options.url, {
    clientId: options.clientId,
    clean: false,
    protocolVersion: 4,
    reconnectPeriod: 1000,
    connectTimeout: 5000,
    keepalive: 30,
    resubscribe: false,
    queueQoSZero: false,
  })
  const acks = deferAcks(client)
  let state: 'up' | 'down' = 'down'
  const become = (next: 'up' | 'down', why: string): void => {
    if (next === state) return
    state = next
    options.onState(next, why)
  }
  client.handleMessage = (packet, callback) => {
    options.onMessage({
      topic: packet.topic,
      payload: typeof packet.payload === 'string' ? Buffer.from(packet.payload) : packet.payload,
      receivedAt: options.now(),
      acknowledge: acks.hold(packet),
    })
    const room = options.room()
    if (room === null) callback()
    else room.then(() => callback(), callback)
  }
  client.on('connect', () => {
    acks.reset()
    client.subscribe([...subscriptions], { qos: 1 }, (error, granted) => {
      if (error) become('down', `subscription failed: ${error.message}`)
      else if (granted?.some((g) => g.qos === 128)) become('down', 'the broker refused the subscription')
      else become('up', 'subscribed')
    })
  })
  client.on('close', () => become('down', 'connection closed'))
  client.on('error', (error) => become('down', error.message))
  return {
    get state() {
      return state
    },
    get held() {
      return acks.held
    },
    stop: async () => {
      // Forced: a graceful DISCONNECT would wait for handlers that wait for a commit.
      await client.endAsync(true)
    },
  }
}
