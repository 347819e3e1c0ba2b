import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { FakeSocket } from '../testing/fake-socket.ts'
import { createCells } from './cells.ts'
import { createConnection } from './connection.ts'

const setup = () => {
  const socket = new FakeSocket()
  const cells = createCells((flush) => flush())
  const heard = { versions: [] as string[], foreign: 0 }
  const connection = createConnection({
    socket,
    cells,
    now: () => Date.now(),
    random: () => 0.5,
    onVersion: (v) => heard.versions.push(v),
    onForeign: () => heard.foreign++,
  })
  return { socket, cells, connection, heard }
}

/** A server that beats every second for `seconds`. */
const live = (socket: FakeSocket, seconds: number): void => {
  for (let i = 0; i < seconds; i++) {
    socket.beat(1_000_000 + Date.now())
    vi.advanceTimersByTime(1000)
  }
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.setSystemTime(0)
})
afterEach(() => vi.useRealTimers())

describe('the link', () => {
  it('is late after 3.5 s without a heartbeat, cut after 5 s, and live again with the next one', () => {
    const { socket, connection } = setup()
    connection.start()
    socket.beat(1_000_000)
    expect(connection.link.value).toBe('live')
    vi.advanceTimersByTime(3499)
    expect(connection.link.value).toBe('live')
    vi.advanceTimersByTime(2)
    expect(connection.link.value).toBe('late')
    vi.advanceTimersByTime(1500)
    expect(connection.link.value).toBe('cut')
    socket.beat(1_006_000)
    expect(connection.link.value).toBe('live')
  })
  it('is cut when no server ever answered', () => {
    const { socket, connection } = setup()
    socket.reachable = false
    connection.start()
    expect(connection.link.value).toBe('starting')
    vi.advanceTimersByTime(5001)
    expect(connection.link.value).toBe('cut')
  })
  it('drops a socket that calls itself connected and carries nothing', () => {
    const { socket, connection } = setup()
    connection.start()
    socket.beat(1_000_000)
    vi.advanceTimersByTime(5001)
    expect(socket.connected).toBe(false)
    vi.advanceTimersByTime(1000)
    expect(socket.attempts).toBe(2)
  })
  it('tells server time through its own clock', () => {
    const { socket, connection } = setup()
    connection.start()
    expect(connection.serverNow()).toBeNull()
    live(socket, 3)
    expect(connection.serverNow()).toBe(1_003_000)
    expect(connection.lastBeat()).toBe(1_002_000)
  })
})

describe('reconnection', () => {
  it('backs off while the server is away, and starts quickly again after it was there', () => {
    const { socket, connection } = setup()
    socket.reachable = false
    connection.start()
    const at = [socket.attempts]
    for (let i = 0; i < 5; i++) {
      vi.advanceTimersByTime(1000)
      at.push(socket.attempts)
    }
    expect(at[0]).toBe(1)
    expect(at.at(-1)).toBeLessThan(6)
    vi.advanceTimersByTime(120_000)
    const tried = socket.attempts
    socket.reachable = true
    vi.advanceTimersByTime(10_000)
    expect(socket.connected).toBe(true)
    expect(socket.attempts).toBeGreaterThan(tried)
    socket.drop()
    vi.advanceTimersByTime(1000)
    expect(socket.connected).toBe(true)
  })
  it('says which sequence it holds, so that nothing is sent twice and no hole stays', () => {
    const { socket, connection } = setup()
    connection.join('overview')
    connection.start()
    socket.snapshot('overview', 5, { a: 1 })
    socket.delta('overview', 6, { a: 2 })
    socket.drop()
    vi.advanceTimersByTime(1000)
    expect(socket.subscribed).toEqual([{ rooms: ['overview'] }, { rooms: ['overview'], since: { overview: 6 } }])
  })
  it('is tried at once when the page becomes visible', () => {
    const { socket, connection } = setup()
    socket.reachable = false
    connection.start()
    vi.advanceTimersByTime(60_000)
    socket.reachable = true
    connection.resync()
    expect(socket.connected).toBe(true)
  })
  it('ends with stop', () => {
    const { socket, connection } = setup()
    connection.start()
    connection.stop()
    vi.advanceTimersByTime(60_000)
    expect([socket.connected, socket.attempts]).toEqual([false, 1])
  })
})

describe('frames', () => {
  it('out of sequence lead to a whole new snapshot of that room alone', () => {
    const { socket, connection, cells } = setup()
    connection.join('overview')
    connection.join('domain:gas')
    connection.start()
    socket.snapshot('overview', 1, { a: 1 })
    socket.delta('overview', 3, { a: 3 })
    expect(socket.subscribed.at(-1)).toEqual({ rooms: ['overview'] })
    expect(cells.cell('overview', 'a').value).toBe(1)
    socket.snapshot('overview', 3, { a: 3 })
    expect(cells.cell('overview', 'a').value).toBe(3)
  })
  it('are acknowledged, those of a room that was left included', () => {
    const { socket, connection } = setup()
    const leave = connection.join('domain:gas')
    connection.start()
    socket.snapshot('domain:gas', 1, { a: 1 })
    leave()
    socket.delta('domain:gas', 2, { a: 2 })
    expect([socket.acknowledged, socket.unsubscribed]).toEqual([2, ['domain:gas']])
  })
  it('of another protocol ask for a reload and change nothing', () => {
    const { socket, connection, heard, cells } = setup()
    connection.join('overview')
    connection.start()
    socket.snapshot('overview', 1, { a: 1 }, 2)
    expect([heard.foreign, cells.cell('overview', 'a').value]).toEqual([1, undefined])
  })
})

it('a room is held once, however many parts of a screen look at it', () => {
  const { socket, connection } = setup()
  connection.start()
  const one = connection.join('overview')
  const two = connection.join('overview')
  expect(socket.subscribed).toHaveLength(1)
  one()
  one()
  expect(socket.unsubscribed).toEqual([])
  two()
  expect(socket.unsubscribed).toEqual(['overview'])
})

it('a server of another version than the first is named', () => {
  const { socket, connection, heard } = setup()
  connection.start()
  socket.beat(1, '1.0.0')
  socket.beat(2, '1.0.0')
  expect(heard.versions).toEqual([])
  socket.beat(3, '1.1.0')
  expect(heard.versions).toEqual(['1.1.0'])
})

describe('travelling', () => {
  it('asks for the moment, takes its time for the time of the cells, and comes back', () => {
    const { socket, connection } = setup()
    connection.start()
    connection.join('overview')
    connection.travel({ at: 500_000, speed: 60 })
    expect(socket.travelled).toEqual([{ at: 500_000, speed: 60 }])
    // Until the moment is there, what stands on the screen is of now.
    expect(connection.moment.value).toBeNull()
    socket.moment(500_000, 60)
    expect(connection.moment.value?.at).toBe(500_000)
    connection.travel({ speed: 0 })
    expect(socket.travelled.at(-1)).toEqual({ speed: 0 })
    connection.travel(null)
    expect(socket.travelled.at(-1)).toEqual({ live: true })
    expect([connection.moment.value, connection.journey.value]).toEqual([null, null])
  })
  it('goes on from where it stood after a cut, before it asks for its rooms', () => {
    const { socket, connection } = setup()
    connection.start()
    connection.join('overview')
    connection.travel({ at: 500_000, speed: 60 })
    socket.moment(560_000, 60)
    socket.drop()
    socket.asked.length = 0
    vi.advanceTimersByTime(20_000)
    expect(socket.asked.slice(0, 2)).toEqual(['travel', 'subscribe'])
    expect(socket.travelled.at(-1)).toEqual({ at: 560_000, speed: 60 })
    expect(socket.subscribed.at(-1)?.since).toBeUndefined()
  })
  it('is live again when the replay has come up with now, and when the server refuses', () => {
    const { socket, connection } = setup()
    connection.start()
    connection.travel({ at: 500_000, speed: 300 })
    socket.moment(900_000, 0, true)
    expect([connection.moment.value, connection.journey.value, socket.travelled.at(-1)]).toEqual([null, null, { live: true }])
    socket.travelRefused = 'moment_to_come'
    connection.travel({ at: 9e12, speed: 1 })
    expect([connection.journey.value, connection.travelRefused.value]).toEqual([null, 'moment_to_come'])
  })
})
