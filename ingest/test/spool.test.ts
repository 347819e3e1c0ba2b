import { mkdtemp, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { decodeFrame, encodeFrame, findFrame } from '../src/spool/frame.ts'
import { Group } from '../src/spool/group.ts'
import { pack, unpack } from '../src/spool/portion.ts'
import { Spool, type SpoolOptions, type Turn } from '../src/spool/spool.ts'
import { SpoolStream, type StreamOptions } from '../src/spool/stream.ts'
import { decodeTicket, restOf, sizeOf, writeTicket } from '../src/spool/ticket-codec.ts'
import { asRaw, type Entry, isRaw, type RawMessage, type Ticket } from '../src/validate/ticket.ts'
import { ticket, ticketsOf } from './tickets.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'yiping-spool-'))
})
afterEach(() => rm(folder, { recursive: true, force: true }))

/** A ticket's bytes, as they stand in a frame. */
const encode = (t: Entry): Buffer => {
  const rest = restOf(t)
  const out = Buffer.alloc(sizeOf(t, rest))
  writeTicket(t, rest, out, 0)
  return out
}
const lengthOf = (bytes: Buffer): Buffer => {
  const out = Buffer.alloc(4)
  out.writeUInt32LE(bytes.length)
  return out
}
const frameOf = (firstSeq: number, tickets: Buffer[]): Buffer => encodeFrame(firstSeq, tickets.length, Buffer.concat(tickets.flatMap((t) => [lengthOf(t), t])))
const groupOf = (...entries: Entry[]): Group => {
  const group = new Group()
  for (const entry of entries) group.add(entry, { acknowledge: () => {} })
  return group
}
const one = (n: number): Ticket => ticket([[n, 60_000 + n, n / 2]])
const numbers = (tickets: readonly Entry[]): (number | undefined)[] => tickets.map((t) => (isRaw(t) ? undefined : t.readings[0]?.pointId))
const range = (from: number, to: number): number[] => Array.from({ length: to - from + 1 }, (_, i) => from + i)

describe('a ticket', () => {
  it('is the same after it was written and read', () => {
    const text = fc.string({ unit: 'binary', maxLength: 20 })
    const held = fc.record({
      station: text,
      metric: text,
      observedAt: fc.integer(),
      value: fc.double({ noNaN: true, noDefaultInfinity: true }),
      quality: fc.constantFrom(0, 1, 2),
    })
    const any = fc.tuple(
      fc.array(fc.tuple(fc.integer({ min: 1, max: 2 ** 31 - 1 }), fc.integer({ min: 1 }), fc.double({ noNaN: true })), { maxLength: 10 }),
      fc.integer({ min: 0, max: 3 }),
      fc.array(held, { maxLength: 3 }),
    )
    fc.assert(
      fc.property(any, ([readings, refused, heldReadings]) => {
        const t = { ...ticket(readings, refused), held: heldReadings.map((h) => ({ ...h, value: h.value === 0 ? 0 : h.value })) }
        t.sightings = heldReadings.map((h) => ({ station: h.station, metric: h.metric, domain: null, times: 1, sample: 'x' }))
        const bytes = encode(t)
        expect(decodeTicket(bytes, 0, bytes.length)).toEqual(t)
      }),
    )
  })
})

describe('a large message of back-fill', () => {
  const now = Date.UTC(2026, 10, 25)
  const samples = (newest: number, count = 100): string =>
    JSON.stringify(Array.from({ length: count }, (_, i) => ({ ts: newest - (count - 1 - i) * 60_000, values: { 'ws.pressure': 0.3 } })))
  const raw = (text: string) => asRaw({ topic: 'city/water/WS-1/telemetry', payload: Buffer.from(text), receivedAt: now })

  it('is known by its first and last times, and is the same after it was written and read', () => {
    const message = raw(samples(now - 20 * 60_000))
    if (message === null) return expect.unreachable()
    const bytes = encode(message)
    expect(decodeTicket(bytes, 0, bytes.length)).toEqual(message)
  })
  it.each([
    ['small', samples(now - 20 * 60_000, 10)],
    ['live', samples(now)],
    ['live at its end only', samples(now - 60_000, 300)],
    ['live at its beginning', JSON.stringify([{ ts: now, values: {} }, ...(JSON.parse(samples(now - 20 * 60_000)) as object[])])],
    ['without numbers for times', samples(now - 20 * 60_000).replaceAll(/"ts":(\d+)/g, '"ts":"$1"')],
    ['no JSON', 'x'.repeat(5000)],
    ['larger than allowed', samples(now - 20 * 60_000, 40_000)],
  ])('is nothing that is %s', (_, text) => {
    expect(raw(text)).toBeNull()
  })
})

describe('a frame', () => {
  const frame = frameOf(7, [encode(one(1)), encode(one(2))])
  it('is not taken for whole when it was cut at any byte', () => {
    expect(decodeFrame(frame, 0)?.tickets).toBe(2)
    for (let cut = 0; cut < frame.length; cut += 1) expect(decodeFrame(frame.subarray(0, cut), 0)).toBeNull()
  })
  it('is not taken for sound with any bit turned', () => {
    for (let bit = 0; bit < frame.length * 8; bit += 1) {
      const turned = Buffer.from(frame)
      turned[bit >> 3] = (turned[bit >> 3] ?? 0) ^ (1 << (bit & 7))
      expect(decodeFrame(turned, 0)).toBeNull()
    }
  })
  it('is found behind a damaged spot', () => {
    const bytes = Buffer.concat([frame.subarray(0, 20), Buffer.from('YPSF nothing'), frame])
    expect(findFrame(bytes, 1)).toBe(32)
  })
})

describe('a stream', () => {
  const damage: [string, number][] = []
  const options = (more: Partial<StreamOptions> = {}): StreamOptions => ({
    folder: join(folder, 's'),
    damagedFolder: join(folder, 'damaged'),
    id: 'main/owner/s',
    segmentBytes: 500,
    windowReadings: 10,
    onDamage: (file, bytes) => damage.push([file, bytes]),
    ...more,
  })
  const drain = async (stream: SpoolStream, most = 4): Promise<Entry[]> => {
    const all: Entry[] = []
    for (let taken = await stream.take(most, 100); taken !== null; taken = await stream.take(most, 100)) {
      all.push(...ticketsOf(taken))
      await stream.settle(taken.seq)
    }
    return all
  }
  beforeEach(() => {
    damage.length = 0
  })

  it('gives back everything in order, from memory and from disk, while it is written to', async () => {
    const stream = await SpoolStream.create(options())
    const got: Entry[] = []
    for (let n = 1; n <= 300; n += 3) {
      await stream.write(groupOf(one(n), one(n + 1), one(n + 2)))
      if (n % 5 === 0) {
        const taken = await stream.take(2, 100)
        if (taken) {
          got.push(...ticketsOf(taken))
          await stream.settle(taken.seq)
        }
      }
    }
    expect(stream.spilled).toBe(true)
    expect(stream.readings).toBeLessThan(20)
    got.push(...(await drain(stream)))
    expect(numbers(got)).toEqual(range(1, 300))
    expect(stream.empty).toBe(true)
    // What is committed leaves the disk.
    expect((await readdir(join(folder, 's'))).length).toBe(1)
    expect(await stream.close()).toBe(true)
  })

  it('begins after what the database has, when another process left it behind', async () => {
    const first = await SpoolStream.create(options())
    for (let n = 1; n <= 40; n += 2) await first.write(groupOf(one(n), one(n + 1)))
    await first.seal()
    const second = await SpoolStream.adopt(options())
    second.know(17)
    expect(numbers(await drain(second))).toEqual(range(18, 40))
    expect(await second.close()).toBe(true)
  })

  it('keeps what was taken until it is settled', async () => {
    const first = await SpoolStream.create(options())
    await first.write(groupOf(one(1)))
    expect(numbers(ticketsOf(await first.take(10, 100)))).toEqual([1])
    expect([first.empty, first.readings]).toEqual([false, 1])
    expect(await first.close()).toBe(false)
    const second = await SpoolStream.adopt(options())
    second.know(0)
    expect(numbers(await drain(second))).toEqual([1])
  })

  it('hands over a copy of its bytes, in which a raw message was taken apart in its place', async () => {
    const topic = 'city/water/WS-1/telemetry'
    const raw: RawMessage = { raw: true, late: true, topic, payload: Buffer.from('{}'), receivedAt: 5, received: 9 }
    const stream = await SpoolStream.create(options({ windowReadings: 100 }))
    await stream.write(groupOf(one(1), raw, one(2)))
    await stream.write(groupOf(one(3), one(4), one(5)))
    const opened: RawMessage[] = []
    const open = (message: RawMessage): Ticket => {
      opened.push(message)
      return one(7)
    }
    const first = await stream.take(13, 100)
    stream.pass(groupOf(one(6)))
    const second = await stream.take(13, 100)
    const packed = [first, second].map((portion) => pack(portion?.parts ?? [], open))
    expect(packed.map((bytes) => numbers([...unpack(bytes)]))).toEqual([
      [1, 7, 2, 3, 4],
      [5, 6],
    ])
    expect(opened).toEqual([raw])
    expect(packed.every((bytes) => bytes.byteLength === bytes.buffer.byteLength)).toBe(true)
    await stream.seal()
  })

  it('takes no more bytes at once than one may have ahead, however few readings they bring', async () => {
    const stream = await SpoolStream.create(options({ windowReadings: 1e6 }))
    const large = (n: number): Ticket => {
      const t = ticket([[n, 60_000, 1]], 1)
      for (const r of t.rejections) r.payload = Buffer.alloc(3 * 1024 * 1024)
      return t
    }
    await stream.write(groupOf(large(1), large(2), large(3)))
    const sizes = []
    for (let taken = await stream.take(100, 100); taken !== null; taken = await stream.take(100, 100)) sizes.push(numbers(ticketsOf(taken)))
    expect(sizes).toEqual([[1], [2], [3]])
    await stream.seal()
  })

  it('torn at every byte of its last record: the rest is all there, nothing is taken for damage', async () => {
    const first = await SpoolStream.create(options({ segmentBytes: 1e6 }))
    await first.write(groupOf(one(1), one(2)))
    const [name = ''] = await readdir(join(folder, 's'))
    const file = join(folder, 's', name)
    const before = (await stat(file)).size
    await first.write(groupOf(one(3), one(4)))
    await first.seal()
    const whole = await readFile(file)
    for (let cut = before; cut <= whole.length; cut += 1) {
      await writeFile(file, whole)
      await truncate(file, cut)
      const second = await SpoolStream.adopt(options())
      second.know(0)
      const taken = await second.take(100, 100)
      expect(numbers(ticketsOf(taken))).toEqual(cut === whole.length ? [1, 2, 3, 4] : [1, 2])
    }
    expect(damage).toEqual([])
  })

  it('damaged in the middle: says so, goes on behind it and keeps the segment', async () => {
    const first = await SpoolStream.create(options({ segmentBytes: 1e6 }))
    for (let n = 1; n <= 5; n += 1) await first.write(groupOf(one(n)))
    await first.seal()
    const [name = ''] = await readdir(join(folder, 's'))
    const file = join(folder, 's', name)
    const bytes = await readFile(file)
    const second = decodeFrame(bytes, 0)?.end ?? 0
    bytes[second + 20] = (bytes[second + 20] ?? 0) ^ 1
    await writeFile(file, bytes)
    const stream = await SpoolStream.adopt(options())
    stream.know(0)
    expect(numbers(await drain(stream))).toEqual([1, 3, 4, 5])
    expect(damage).toEqual([[file, second]])
    await stream.close()
    expect(await readdir(join(folder, 'damaged'))).toHaveLength(1)
  })

  it('counts nothing as written that the disk has refused, and writes over it', async () => {
    let refuse = false
    const stream = await SpoolStream.create(
      options({
        write: async (file, bytes, position) => {
          if (refuse) {
            await file.write(bytes, 0, bytes.length >> 1, position)
            throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
          }
          await file.write(bytes, 0, bytes.length, position)
        },
      }),
    )
    await stream.write(groupOf(one(1)))
    refuse = true
    await expect(stream.write(groupOf(one(2)))).rejects.toThrow('no space')
    refuse = false
    await stream.write(groupOf(one(3)))
    await stream.seal()
    const again = await SpoolStream.adopt(options())
    again.know(0)
    expect(numbers(await drain(again))).toEqual([1, 3])
    expect(damage).toEqual([])
  })
})

describe('the spool', () => {
  const options = (more: Partial<SpoolOptions> = {}): SpoolOptions => ({
    folder,
    shard: 'main',
    maxBytes: 1e6,
    segmentBytes: 2000,
    windowReadings: 20,
    fsync: 'always',
    syncEveryMs: 5,
    behindMs: 30_000,
    now: () => 60_000,
    loadProgress: () => Promise.resolve(0),
    onGone: () => {},
    onDamage: (file) => expect.unreachable(file),
    onFull: () => {},
    onFault: (error) => {
      throw error
    },
    ...more,
  })
  const drain = async (spool: Spool): Promise<Turn[]> => {
    const turns: Turn[] = []
    while (!spool.empty) {
      const turn = await spool.take(5, 100)
      if (turn === null) continue
      turns.push(turn)
      await spool.settle(turn)
    }
    return turns
  }

  it('acknowledges what is written, and only that', async () => {
    const acked: number[] = []
    let full = false
    const said: (string | null)[] = []
    const spool = await Spool.open(
      options({
        windowReadings: 3,
        onFull: (why) => said.push(why),
        write: async (file, bytes, position) => {
          if (full) throw Object.assign(new Error('no space left on device'), { code: 'ENOSPC' })
          await file.write(bytes, 0, bytes.length, position)
        },
      }),
    )
    const add = (n: number): void => spool.add(one(n), { acknowledge: () => acked.push(n) })
    for (const n of range(1, 5)) add(n)
    await expect.poll(() => acked).toEqual(range(1, 5))
    full = true
    // Some are on disk only: nothing may pass them, so these wait.
    for (const n of range(6, 9)) add(n)
    await expect.poll(() => said).toEqual(['no space left on device'])
    expect(spool.room()).not.toBeNull()
    expect(acked).toEqual(range(1, 5))
    // The database goes on with what is there, and then takes the rest past the disk: acknowledged by their commit.
    const got: (number | undefined)[] = []
    while (got.length < 9) {
      const turn = await spool.take(2, 100)
      if (turn === null) {
        await new Promise((resolve) => setImmediate(resolve))
        continue
      }
      got.push(...numbers(ticketsOf(turn)))
      await spool.settle(turn)
    }
    expect(got).toEqual(range(1, 9))
    expect(acked).toEqual(range(1, 9))
    full = false
    add(10)
    await expect.poll(() => acked).toEqual(range(1, 10))
    expect(said).toEqual(['no space left on device', null])
    await spool.close()
  })

  it('stops at its bound and goes on when the database has taken something', async () => {
    const acked: number[] = []
    const spool = await Spool.open(options({ maxBytes: 3000, windowReadings: 5, segmentBytes: 500 }))
    for (const n of range(1, 200)) {
      spool.add(one(n), { acknowledge: () => acked.push(n) })
      await new Promise((resolve) => setImmediate(resolve))
    }
    await expect.poll(() => spool.full).toBe('the spool has reached its bound')
    expect(spool.bytes).toBeLessThanOrEqual(3000)
    expect(acked.length).toBeLessThan(200)
    const got: (number | undefined)[] = []
    while (got.length < 200) {
      const turn = await spool.take(5, 100)
      if (turn === null) {
        await new Promise((resolve) => setImmediate(resolve))
        continue
      }
      got.push(...numbers(ticketsOf(turn)))
      await spool.settle(turn)
    }
    expect(got).toEqual(range(1, 200))
    // What went past the disk is acknowledged later than what was written after it; the tap brings them into order.
    await expect.poll(() => acked.toSorted((a, b) => a - b)).toEqual(range(1, 200))
    await spool.close()
  })

  it('lets live readings go first while back-fill has its share', async () => {
    const spool = await Spool.open(options({ windowReadings: 1000 }))
    const late = (n: number): Ticket => ({ ...one(n), late: true })
    for (const n of range(1, 50)) spool.add(late(n), { acknowledge: () => {} })
    for (const n of range(101, 150)) spool.add({ ...one(n), receivedAt: 61_000 }, { acknowledge: () => {} })
    await spool.flush()
    const turns = await drain(spool)
    expect(turns.slice(0, 10).filter((t) => t.late).length).toBe(2)
    expect(numbers(turns.filter((t) => !t.late).flatMap(ticketsOf))).toEqual(range(101, 150))
    expect(numbers(turns.filter((t) => t.late).flatMap(ticketsOf))).toEqual(range(1, 50))
    await spool.close()
  })

  it('takes over what an ended process left, and not what a living one has', async () => {
    const gone: string[] = []
    const first = await Spool.open(options({ now: () => 1000 }))
    for (const n of range(1, 30)) first.add(one(n), { acknowledge: () => {} })
    await first.flush()
    const second = await Spool.open(options({ now: () => 2000, onGone: (s) => gone.push(s), loadProgress: () => Promise.resolve(12) }))
    expect(second.empty).toBe(true)
    await first.close()
    // One stream with tickets, the other was empty and is gone.
    expect(await second.adopt()).toBe(1)
    const turns = await drain(second)
    expect(numbers(turns.flatMap(ticketsOf))).toEqual(range(13, 30))
    expect(gone).toHaveLength(1)
    await second.close()
    expect((await readdir(folder)).filter((n) => n !== 'damaged')).toEqual([])
  })

  it('stores what ended processes left before what is live, also when the database has all of the first one', async () => {
    // As killed, one after the other, before what they took in was settled.
    const ended = []
    for (const [i, [from, to]] of [[1, 4] as const, [5, 8] as const].entries()) {
      const spool = await Spool.open(options({ now: () => 2000 + i, segmentBytes: 1e6 }))
      for (const n of range(from, to)) spool.add(one(n), { acknowledge: () => {} })
      await spool.flush()
      ended.push(spool)
    }
    const committed = new Map([[ended[0]?.owner, 4]])
    const third = await Spool.open(
      options({ now: () => 9000, segmentBytes: 1e6, loadProgress: (stream) => Promise.resolve(committed.get(stream.split('/').at(-2)) ?? 0) }),
    )
    for (const n of range(9, 12)) third.add(one(n), { acknowledge: () => {} })
    await third.flush()
    for (const spool of ended) await spool.close()
    await third.adopt()
    expect(numbers((await drain(third)).flatMap(ticketsOf))).toEqual(range(5, 12))
    await third.close()
  })

  it('sets a live stream aside that is far behind, so that what comes now is not kept waiting', async () => {
    let time = 60_000
    const spool = await Spool.open(options({ now: () => time, windowReadings: 5 }))
    let acked = 0
    for (const n of range(1, 10)) spool.add(one(n), { acknowledge: () => (acked += 1) })
    await expect.poll(() => acked).toBe(10)
    // The window is full: these are on disk only.
    for (const n of range(11, 40)) spool.add(one(n), { acknowledge: () => (acked += 1) })
    await expect.poll(() => acked).toBe(40)
    time += 60_000
    const turn = await spool.take(5, 100)
    if (turn === null) return expect.unreachable()
    await spool.settle(turn)
    for (const n of range(101, 103)) spool.add({ ...one(n), receivedAt: time }, { acknowledge: () => (acked += 1) })
    await expect.poll(() => acked).toBe(43)
    expect(spool.depth).toBe(38)
    const next = await spool.take(5, 100)
    expect(numbers(ticketsOf(next))).toEqual([101, 102, 103])
    if (next) await spool.settle(next)
    const rest = await drain(spool)
    expect(numbers([...ticketsOf(turn), ...rest.flatMap(ticketsOf)])).toEqual(range(1, 40))
    await spool.close()
  })
})
