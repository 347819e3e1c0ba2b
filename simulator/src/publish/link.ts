import mqtt from 'mqtt'
import type { Logger } from 'pino'
import type { Message } from './message.ts'

/**
 * The way to the broker. It never queues without bound: at most `maxInFlight` messages wait for their PUBACK, and
 * none is taken while the broker is away; the caller keeps what was refused.
 */
export interface Link {
  /** How many messages may be sent now. */
  room(): number
  /** False: not taken. */
  send(message: Message): boolean
  /** Resolves when there is room again. */
  roomAgain(): Promise<void>
  /** Resolves when every message sent so far was acknowledged. */
  drained(): Promise<void>
  onCommand(handler: (payload: string) => void): void
  /** Resolves with the first connection. */
  connected: Promise<void>
  stats(): { sent: number; acknowledged: number; inFlight: number }
  stop(): Promise<void>
}

export const commandTopic = 'simulator/command'

export function createLink(options: { url: string; log: Logger; maxInFlight?: number }): Link {
  const { url, log, maxInFlight = 500 } = options
  const client = mqtt.connect(url, { queueQoSZero: false, reconnectPeriod: 1000, connectTimeout: 10_000, clean: true })
  // An address may hold a password.
  const address = url.replace(/\/\/[^/@]*@/, '//')
  let sent = 0
  let acknowledged = 0
  let waiting: (() => void)[] = []
  let queueing: (() => void)[] = []
  const handlers: ((payload: string) => void)[] = []
  const room = (): number => (client.connected ? Math.max(0, maxInFlight - (sent - acknowledged)) : 0)
  const settle = (): void => {
    if (room() > 0) {
      for (const go of queueing) go()
      queueing = []
    }
    if (sent > acknowledged) return
    for (const done of waiting) done()
    waiting = []
  }
  const connected = new Promise<void>((resolve) => client.once('connect', () => resolve()))
  let lastError = ''
  client.on('connect', () => {
    lastError = ''
    settle()
    log.info({ url: address }, 'connected to the broker')
    client.subscribe(commandTopic, { qos: 1 }, (error) => {
      if (error) log.warn({ err: error }, 'no commands')
    })
  })
  client.on('close', () => log.debug('link to the broker closed'))
  client.on('error', (error) => {
    if (error.message !== lastError) log.warn({ err: error }, 'broker')
    lastError = error.message
  })
  client.on('message', (topic, payload) => {
    if (topic === commandTopic) for (const handler of handlers) handler(payload.toString('utf8'))
  })
  return {
    room,
    roomAgain: () =>
      new Promise((resolve) => {
        queueing.push(resolve)
        settle()
      }),
    send: ({ topic, payload }) => {
      if (room() === 0) return false
      sent++
      // The library keeps a message that was cut off and sends it again: its callback always comes.
      client.publish(topic, payload, { qos: 1 }, (error) => {
        acknowledged++
        if (error) log.warn({ err: error, topic }, 'not acknowledged')
        settle()
      })
      return true
    },
    drained: () =>
      new Promise((resolve) => {
        waiting.push(resolve)
        settle()
      }),
    onCommand: (handler) => {
      handlers.push(handler)
    },
    connected,
    stats: () => ({ sent, acknowledged, inFlight: sent - acknowledged }),
    stop: () => client.endAsync(true).catch((error: unknown) => log.warn({ err: error }, 'closing the link')),
  }
}
