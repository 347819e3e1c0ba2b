import { createServer } from 'node:net'
import { until } from '@yiping/contract/testing'
import { Aedes } from 'aedes'
import { afterEach, describe, expect, it } from 'vitest'
import { type MqttSource, type MqttSourceOptions, startMqttSource } from '../src/receive/mqtt-source.ts'

describe('the subscription at the broker', () => {
  const ends: (() => Promise<unknown> | unknown)[] = []
  afterEach(async () => {
    for (const end of ends.splice(0).reverse()) await end()
  })
  const withBroker = async (broker: Aedes): Promise<string> => {
    const server = createServer(broker.handle)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    ends.push(() => new Promise<void>((resolve) => broker.close(() => server.close(() => resolve()))))
    const address = server.address()
    return `mqtt://127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  }
  const begin = (url: string, more: Partial<MqttSourceOptions> = {}): { source: MqttSource; states: [string, string][] } => {
    const states: [string, string][] = []
    const source = startMqttSource({
      url,
      clientId: 'ingest',
      protocol: '3.1.1',
      topics: ['city/#'],
      login: {},
      now: Date.now,
      onMessage: (message) => message.acknowledge(),
      onRedelivered: () => {},
      room: () => null,
      onState: (state, why) => states.push([state, why]),
      ...more,
    })
    ends.push(() => source.stop())
    return { source, states }
  }

  it('is asked for again when the broker refused it, and told once', async () => {
    let asked = 0
    const broker = await Aedes.createBroker({
      authorizeSubscribe: (_client, subscription, done) => {
        asked += 1
        done(null, asked < 4 ? null : subscription)
      },
    })
    const { source, states } = begin(await withBroker(broker), { askAgainMs: 50 })
    await until('the subscription', () => source.state === 'up')
    expect(asked).toBe(4)
    expect(states).toEqual([
      ['down', expect.stringMatching(/refused|subscription failed/)],
      ['up', 'subscribed'],
    ])
  })

  it('tells a reason once, however often it tries and is refused for it', async () => {
    let tries = 0
    const broker = await Aedes.createBroker({
      authenticate: (_client, _user, _password, done) => {
        tries += 1
        done(null, false)
      },
    })
    const { source, states } = begin(await withBroker(broker), { deafAfterMs: 100 })
    await until('three tries', () => tries >= 3)
    expect(source.state).toBe('down')
    expect(states).toEqual([['down', expect.stringMatching(/refused/)]])
  })
})
