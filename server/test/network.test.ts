import type { PipeRow, RegisteredStation } from '@yiping/db'
import { expect, it, describe } from 'vitest'
import { City } from '../src/live/city.ts'
import { networkCells } from '../src/live/network.ts'

const now = Date.UTC(2026, 10, 23, 1)
/** Nodes A … E stand in a row, some 0.91 km apart; E hangs on nothing. */
const lonOf = (node: string): number => 113.6 + (node.charCodeAt(0) - 65) / 100
const pipe = (from: string, to: string, diameter = 300): PipeRow => ({
  ...{ domain: 'water', code: from + to, from_node: from, to_node: to, length_m: 100, diameter_mm: diameter, source: 'drawn', simulated: true },
  path: [
    [lonOf(from), 34.7],
    [lonOf(to), 34.7],
  ],
})
const pipes = [pipe('A', 'B', 500), pipe('B', 'C'), pipe('C', 'D'), pipe('Y', 'Z')]
const gauge = (id: number, node: string, kind = 'ws_pressure', metrics = ['ws.pressure']): RegisteredStation => ({
  ...{
    id,
    code: `S-${id}`,
    name: `S-${id}`,
    kind,
    domain: 'water',
    district: '410105',
    gateway: null,
    origin: null,
    maintenance: false,
    owner: null,
    feeder: null,
    createdAt: 0,
  },
  ...{ lon: lonOf(node), lat: 34.7, points: metrics.map((metric, i) => ({ id: id * 10 + i, metric, intervalS: 300 })) },
})
const say = (city: City, pointId: number, value: number, ageS = 10) =>
  city.apply({ pointId, observedAt: now - ageS * 1000, receivedAt: now, value, quality: 'good' })

describe('a pipe', () => {
  it('has a pressure from the stations that are nearest along the network, and says from how many', () => {
    const city = new City([gauge(1, 'A'), gauge(2, 'D')], [], pipes)
    say(city, 10, 0.4)
    say(city, 20, 0.2, 60)
    const cells = networkCells(city, 'water', now)
    expect(cells['pipe:AB']).toMatchObject({ from: 2, asOf: now - 60_000 })
    const [ab, bc, cd] = [cells['pipe:AB']?.pressure ?? 0, cells['pipe:BC']?.pressure ?? 0, cells['pipe:CD']?.pressure ?? 0]
    expect([ab > bc, bc > cd, ab < 0.4, cd > 0.2, bc]).toEqual([true, true, true, true, 0.3])
  })
  it('says nothing where no fresh reading is within reach, and never crosses a gap', () => {
    const city = new City([gauge(1, 'A')], [], pipes)
    say(city, 10, 0.4)
    expect(networkCells(city, 'water', now)['pipe:YZ']).toEqual({ pressure: null, from: 0, asOf: null, flow: null })
    const silent = new City([gauge(1, 'A')], [], pipes)
    say(silent, 10, 0.4, 7200)
    expect(networkCells(silent, 'water', now)['pipe:AB']).toMatchObject({ pressure: null, from: 0 })
  })
  it('has a flow only where a meter stands at its end, on the widest pipe there', () => {
    const city = new City([gauge(1, 'B', 'ws_dma', ['ws.flow', 'ws.pressure'])], [], pipes)
    say(city, 10, 240)
    const cells = networkCells(city, 'water', now)
    expect(cells['pipe:AB']?.flow).toEqual({ value: 240, station: 'S-1', observedAt: now - 10_000 })
    expect(cells['pipe:BC']?.flow).toBeNull()
  })
  it('is not there for a utility without a network', () => {
    expect(networkCells(new City([], [], pipes), 'gas', now)).toEqual({})
  })
})
