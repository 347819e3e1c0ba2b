import { Duplex } from 'node:stream'
import { setImmediate as turn } from 'node:timers/promises'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Publish, PublishTap, type TapOptions } from '../src/receive/publish-tap.ts'

const length = (n: number): number[] => (n < 128 ? [n] : [(n & 127) | 128, ...length(n >> 7)])
const packet = (first: number, body: Uint8Array): Buffer<ArrayBuffer> => Buffer.concat([Buffer.from([first, ...length(body.length)]), body])
function publish(
  topic: string,
  payload: Buffer,
  { qos = 1, dup = false, id = 1, properties }: { qos?: number; dup?: boolean; id?: number; properties?: Buffer } = {},
): Buffer {
  const name = Buffer.from(topic)
  const head = Buffer.alloc(2)
  head.writeUInt16BE(name.length)
  const parts: Buffer[] = [head, name]
  if (qos > 0) parts.push(Buffer.from([id >> 8, id & 255]))
  if (properties) parts.push(Buffer.from(length(properties.length)), properties)
  return packet(0x30 | (dup ? 8 : 0) | (qos << 1), Buffer.concat([...parts, payload]))
}
const pingresp = Buffer.from([0xd0, 0])
const suback = packet(0x90, Buffer.from([0, 1, 1]))

/** The broker's end of a socket: what is fed comes in, what is written is kept. */
class Socket extends Duplex {
  written: Buffer[] = []
  override _read(): void {}
  override _write(chunk: Buffer, _: BufferEncoding, done: () => void): void {
    this.written.push(chunk)
    done()
  }
}

function tap(more: Partial<TapOptions> = {}) {
  const socket = new Socket()
  const seen: Publish[] = []
  const passed: Buffer[] = []
  const stream = new PublishTap(socket, { protocolVersion: 4, maxPacketBytes: 1000, room: () => null, now: () => 0, onPublish: (p) => seen.push(p), ...more })
  stream.on('data', (chunk: Buffer) => passed.push(chunk))
  stream.on('error', () => {})
  return { socket, stream, seen, passed: () => Buffer.concat(passed), written: () => Buffer.concat(socket.written) }
}

describe('the tap', () => {
  it('takes every PUBLISH out of the stream and hands the rest on, however the bytes are cut', async () => {
    const stream = Buffer.concat([
      suback,
      publish('a/b', Buffer.from('one'), { id: 1 }),
      pingresp,
      publish('温度', Buffer.alloc(0), { qos: 0 }),
      publish('c', Buffer.alloc(300, 'x'), { id: 65_535, dup: true }),
      pingresp,
    ])
    await fc.assert(
      fc.asyncProperty(fc.array(fc.nat(stream.length), { maxLength: 12 }), async (cuts) => {
        const { socket, seen, passed } = tap()
        const at = [0, ...cuts.sort((a, b) => a - b), stream.length]
        for (const [i, from] of at.entries()) socket.push(stream.subarray(from, at[i + 1] ?? stream.length))
        for (let i = 0; i < 20 && seen.length < 3; i += 1) await turn()
        await turn()
        expect(seen.map((p) => [p.topic, p.payload.toString(), p.dup])).toEqual([
          ['a/b', 'one', false],
          ['温度', '', false],
          ['c', 'x'.repeat(300), true],
        ])
        expect(passed()).toEqual(Buffer.concat([suback, pingresp, pingresp]))
      }),
      { numRuns: 200 },
    )
  })

  it('acknowledges in the order in which messages came, many in one write, and QoS 0 not at all', async () => {
    const { socket, seen, written } = tap()
    for (const id of [7, 8, 9]) socket.push(publish('t', Buffer.from('x'), { id }))
    socket.push(publish('t', Buffer.from('x'), { qos: 0 }))
    await turn()
    seen[3]?.acknowledge()
    seen[1]?.acknowledge()
    await turn()
    expect(written()).toHaveLength(0)
    seen[0]?.acknowledge()
    await turn()
    expect(written()).toEqual(Buffer.from([0x40, 2, 0, 7, 0x40, 2, 0, 8]))
    expect(socket.written).toHaveLength(1)
    seen[2]?.acknowledge()
    await turn()
    expect(written().subarray(8)).toEqual(Buffer.from([0x40, 2, 0, 9]))
  })

  it('steps over the properties of MQTT 5', async () => {
    const { socket, seen } = tap({ protocolVersion: 5 })
    socket.push(publish('t', Buffer.from('x'), { properties: Buffer.from([0x01, 0x01]) }))
    socket.push(publish('t', Buffer.from('y'), { properties: Buffer.alloc(0) }))
    await turn()
    expect(seen.map((p) => p.payload.toString())).toEqual(['x', 'y'])
  })

  it('keeps the next messages in the socket while there is no room', async () => {
    let open = (): void => {}
    const full = new Promise<void>((resolve) => {
      open = resolve
    })
    let asked = 0
    const { socket, seen } = tap({ room: () => (++asked === 2 ? full : null) })
    socket.push(Buffer.concat([1, 2, 3, 4].map((id) => publish('t', Buffer.from(String(id)), { id }))))
    await turn()
    expect(seen).toHaveLength(2)
    expect(socket.isPaused()).toBe(true)
    open()
    await turn()
    expect(seen.map((p) => p.payload.toString())).toEqual(['1', '2', '3', '4'])
    expect(socket.isPaused()).toBe(false)
  })

  it('keeps no more of a packet that is too long than says so, and goes on behind it', async () => {
    const { socket, seen } = tap()
    const long = publish('t', Buffer.alloc(100_000, 'x'), { id: 1 })
    for (let at = 0; at < long.length; at += 700) socket.push(long.subarray(at, at + 700))
    socket.push(publish('t', Buffer.from('after'), { id: 2 }))
    for (let i = 0; i < 5; i += 1) await turn()
    expect(seen.map((p) => p.payload.length)).toEqual([1000 - 4 - 3 - 2, 5])
  })

  it('ends a connection that speaks no MQTT', async () => {
    for (const bytes of [Buffer.from([0x30, 0xff, 0xff, 0xff, 0xff, 0xff]), Buffer.from([0x32, 3, 0, 200, 1])]) {
      const { socket, stream, seen } = tap()
      socket.push(bytes)
      await turn()
      await turn()
      expect([stream.destroyed, socket.destroyed, seen.length]).toEqual([true, true, 0])
    }
  })

  it('writes what MQTT.js writes in one piece', async () => {
    const { socket, stream } = tap()
    stream.cork()
    for (const part of ['a', 'b', 'c']) stream.write(part)
    process.nextTick(() => stream.uncork())
    await turn()
    expect(socket.written.map(String)).toEqual(['abc'])
  })
})
