import { createServer, type AddressInfo, type Server, type Socket } from 'node:net'
import { Aedes } from 'aedes'
import mqtt from 'mqtt'
import pino from 'pino'

export const silent = pino({ level: 'silent' })

export interface Broker {
  url: string
  port: number
  stop(): Promise<void>
}

/** A real broker on a free port, or on the port that an earlier one had. */
export async function startBroker(port = 0): Promise<Broker> {
  const aedes = await Aedes.createBroker()
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    sockets.add(socket)
    socket.once('close', () => sockets.delete(socket))
    aedes.handle(socket)
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const bound = (server.address() as AddressInfo).port
  return {
    url: `mqtt://127.0.0.1:${bound}`,
    port: bound,
    stop: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise<void>((resolve) => server.close(() => resolve()))
      await new Promise<void>((resolve) => aedes.close(() => resolve()))
    },
  }
}

export interface Heard {
  topic: string
  station: string
  metric: string
  ts: number
  /** When it was heard. */
  at: number
  value: number
  quality: string
  /** Came in an array of several samples, as back-fill does. */
  batch: boolean
}

/** Hears every reading, from either topic shape. */
export async function listen(url: string): Promise<{
  heard: Heard[]
  messages: { topic: string; bytes: number; readings: number }[]
  until(done: () => boolean): Promise<void>
  publish(topic: string, text: string): Promise<void>
  stop(): Promise<void>
}> {
  const client = await mqtt.connectAsync(url)
  const heard: Heard[] = []
  const messages: { topic: string; bytes: number; readings: number }[] = []
  let waiting: { done: () => boolean; resolve: () => void }[] = []
  type Sample = { ts: number; values: Record<string, number | { value: number; quality: string }> }
  client.on('message', (topic, payload) => {
    const body = JSON.parse(payload.toString()) as Sample | Sample[] | Record<string, Sample[]>
    const before = heard.length
    const take = (station: string, samples: Sample[], batch: boolean): void => {
      for (const { ts, values } of samples)
        for (const [metric, v] of Object.entries(values))
          heard.push({ topic, station, metric, ts, at: Date.now(), batch, ...(typeof v === 'number' ? { value: v, quality: 'good' } : v) })
    }
    if (topic === 'v1/gateway/telemetry')
      for (const [station, samples] of Object.entries(body as Record<string, Sample[]>)) take(station, samples, samples.length > 1)
    else take(topic.split('/')[2] ?? '', Array.isArray(body) ? body : [body as Sample], Array.isArray(body))
    messages.push({ topic, bytes: payload.length, readings: heard.length - before })
    waiting = waiting.filter((w) => !w.done() || void w.resolve())
  })
  await client.subscribeAsync(['city/#', 'v1/gateway/telemetry'], { qos: 1 })
  return {
    heard,
    messages,
    until: (done) => (done() ? Promise.resolve() : new Promise((resolve) => waiting.push({ done, resolve }))),
    publish: async (topic, text) => {
      await client.publishAsync(topic, text, { qos: 1 })
    },
    stop: () => client.endAsync(true),
  }
}
