import type { Duplex } from 'node:stream'
import { telemetryLimits } from '@yiping/contract'
import mqtt, { type IClientOptions, type MqttClient } from 'mqtt'
import type { IncomingMessage } from './message.ts'
import { PublishTap } from './publish-tap.ts'

export interface MqttSourceOptions {
  url: string
  clientId: string
  protocol: '3.1.1' | '5'
  /** Topic filters, all at QoS 1. */
  topics: readonly string[]
  login: Pick<IClientOptions, 'username' | 'password' | 'ca' | 'cert' | 'key'>
  now: () => number
  onMessage: (message: IncomingMessage) => void
  /** The broker says that it has sent this message before. */
  onRedelivered: () => void
  /** Resolves when there is room again; while it is pending no further message is taken from the socket. */
  room: () => Promise<void> | null
  /** Of each change, and when it stays down for another reason. */
  onState: (state: 'up' | 'down', why: string) => void
  keepaliveS?: number
  /** After so long without room the broker is left, so that it keeps the messages; ms. */
  brakeMs?: number
  /** A connection on which nothing was heard for so long is given up, ms. */
  deafAfterMs?: number
  /** A subscription that the broker refused is asked for again after so long, ms. */
  askAgainMs?: number
}

export interface MqttSource {
  readonly state: 'up' | 'down'
  /** Messages taken in and not yet acknowledged. */
  readonly held: number
  publish: (topic: string, payload: Buffer) => void
  /** Stops taking messages; what is un-acknowledged comes again with the next session. */
  stop: () => Promise<void>
}

/** The largest payload that is taken in, with room for its topic and properties. */
const maxPacketBytes = telemetryLimits.maxMessageBytes + 1 + 128 * 1024

/** The stream that MQTT.js makes for itself is a private matter of the library: pinned by its version and by the tests of ingest. */
function tapInto(client: MqttClient, wrap: (stream: Duplex) => Duplex): void {
  const inner = client as unknown as { streamBuilder: (client: MqttClient) => Duplex }
  const build = inner.streamBuilder
  inner.streamBuilder = (c) => wrap(build(c))
}

/** How many messages a broker of MQTT 5 may send ahead of our acknowledgements, and how long it keeps our session. */
const receiveMaximum = 5000
const sessionExpiryS = 7 * 86_400

/**
 * The subscription at the broker: QoS 1, stable client id, session kept.
 *
 * | state  | leaves by                                             | to     |
 * |--------|-------------------------------------------------------|--------|
 * | down   | connected and subscribed                              | up     |
 * | down   | refused, or no certificate that we believe: tried     | down   |
 * |        | again, and told once as long as the reason stays      |        |
 * | up     | connection closed, or nothing heard for `deafAfterMs` | down   |
 * | up     | no room for `brakeMs`                                 | braked |
 * | braked | room                                                  | down   |
 *
 * MQTT.js connects, subscribes and keeps watch over its pings; messages are taken out of its stream (`publish-tap.ts`). A
 * client that hears nothing although it should have noticed is thrown away and built anew.
 */
export function startMqttSource(options: MqttSourceOptions): MqttSource {
  const { keepaliveS = 15, brakeMs = 3000, deafAfterMs = 2500 * keepaliveS, askAgainMs = 10_000 } = options
  let state: 'up' | 'down' = 'down'
  let stopped = false
  let heardAt = performance.now()
  let current: { client: MqttClient; tap: PublishTap | null } | null = null

  /** The reason that was told last. */
  let told = ''

  const become = (next: 'up' | 'down', why: string): void => {
    if (next === state && (next === 'up' || why === told)) return
    state = next
    told = why
    options.onState(next, why)
  }
  /** What follows from a reason that has been told is none of its own. */
  const fall = (why: string): void => {
    if (state === 'up' || told === '') become('down', why)
  }

  const build = (): void => {
    if (stopped) return
    heardAt = performance.now()
    const client = mqtt.connect(options.url, {
      ...options.login,
      clientId: options.clientId,
      clean: false,
      reconnectPeriod: 1000,
      connectTimeout: 5000,
      keepalive: keepaliveS,
      resubscribe: false,
      queueQoSZero: false,
      manualConnect: true,
      ...(options.protocol === '5' ? { protocolVersion: 5, properties: { sessionExpiryInterval: sessionExpiryS, receiveMaximum } } : { protocolVersion: 4 }),
    })
    const mine: NonNullable<typeof current> = { client, tap: null }
    current = mine
    const alive = (): boolean => current === mine
    const room = (): Promise<void> | null => {
      const pending = options.room()
      if (pending === null) return null
      const brake = setTimeout(() => {
        if (!alive()) return
        leave('no room for more messages')
        void pending.then(build, build)
      }, brakeMs)
      const release = (): void => clearTimeout(brake)
      void pending.then(release, release)
      return pending
    }
    tapInto(client, (stream) => {
      stream.on('data', () => {
        heardAt = performance.now()
      })
      mine.tap = new PublishTap(stream, {
        protocolVersion: options.protocol === '5' ? 5 : 4,
        maxPacketBytes,
        room,
        now: options.now,
        onPublish: (publish) => {
          if (!alive()) return
          if (publish.dup) options.onRedelivered()
          options.onMessage(publish)
        },
      })
      return mine.tap
    })
    client.connect()
    client.on('connect', () => subscribe())
    let again: NodeJS.Timeout | undefined
    const subscribe = (): void => {
      client.subscribe([...options.topics], { qos: 1 }, (error, granted) => {
        if (!alive()) return
        if (!error && !granted?.some((g) => g.qos >= 128)) return become('up', 'subscribed')
        // The connection stays, and so does what was granted.
        become('down', error ? `subscription failed: ${error.message}` : 'the broker refused the subscription')
        again = setTimeout(() => alive() && client.connected && subscribe(), askAgainMs)
      })
    }
    client.on('close', () => {
      clearTimeout(again)
      if (alive()) fall('connection closed')
    })
    client.on('error', (error) => alive() && become('down', error.message || String(error)))
  }

  const leave = (why: string): void => {
    const gone = current
    current = null
    gone?.client.end(true)
    fall(why)
  }

  const watchdog = setInterval(() => {
    if (current === null || performance.now() - heardAt < deafAfterMs) return
    // A client that is connecting hears nothing either; it has its own time limit, and a new one begins where it would.
    leave('nothing heard from the broker')
    build()
  }, 1000)
  build()

  return {
    get state() {
      return state
    },
    get held() {
      return current?.tap?.owed ?? 0
    },
    publish(topic, payload) {
      if (state === 'up') current?.client.publish(topic, payload, { qos: 0 })
    },
    stop: async () => {
      stopped = true
      clearInterval(watchdog)
      // Forced: a graceful DISCONNECT would wait for handlers that wait for room.
      await current?.client.endAsync(true)
      current = null
    },
  }
}
