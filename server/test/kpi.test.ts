import { kpiByCode } from '@yiping/contract'
import type { RegisteredStation } from '@yiping/db'
import { describe, expect, it } from 'vitest'
import { City } from '../src/live/city.ts'
import { overviewCells, survey } from '../src/live/compute-cells.ts'
import { computeKpi, computeKpiByDistrict } from '../src/live/compute-kpi.ts'
import { DayCounter } from '../src/live/day-counter.ts'

const now = Date.UTC(2026, 10, 23, 1)
const station = (id: number, kind: string, metrics: string[], more: Partial<RegisteredStation> = {}): RegisteredStation => ({
  id,
  code: `S-${id}`,
  name: `S-${id}`,
  kind,
  domain: 'water',
  district: '410105',
  lon: 113,
  lat: 34,
  gateway: null,
  origin: null,
  maintenance: false,
  owner: null,
  feeder: null,
  createdAt: 0,
  points: metrics.map((metric, i) => ({ id: id * 10 + i, metric, intervalS: 300 })),
  ...more,
})
const kpi = (code: string) => {
  const found = kpiByCode.get(code)
  if (!found) throw new Error(code)
  return found
}
const put = (city: City, pointId: number, value: number, ageS = 10, quality: 'good' | 'bad' = 'good') =>
  city.apply({ pointId, observedAt: now - ageS * 1000, receivedAt: now, value, quality })

describe('a KPI', () => {
  const pressures = [1, 2, 3, 4].map((id) => station(id, 'ws_pressure', ['ws.pressure']))

  it('counts fresh readings only and says how many that were', () => {
    const city = new City(pressures)
    put(city, 10, 0.3)
    put(city, 20, 0.1)
    put(city, 30, 0.3, 3600)
    expect(computeKpi(kpi('ws.pressure_pass'), city, now)).toEqual({
      value: 50,
      asOf: now - 10_000,
      coverage: { fresh: 2, expected: 4 },
      numerator: 1,
      denominator: 2,
    })
    expect(computeKpi(kpi('ws.low_pressure'), city, now)).toMatchObject({ value: 1, numerator: 1, denominator: 2 })
  })

  it('is told by district with each one’s own coverage; one without such points is not there', () => {
    const city = new City([
      ...pressures,
      station(5, 'ws_pressure', ['ws.pressure'], { district: '410102' }),
      station(6, 'ws_quality', ['ws.cl_end'], { district: '410103' }),
    ])
    put(city, 10, 0.3)
    put(city, 20, 0.1)
    put(city, 50, 0.3, 7200)
    const found = computeKpiByDistrict(kpi('ws.pressure_pass'), city, now)
    expect([...found.keys()].sort()).toEqual(['410102', '410105'])
    expect(found.get('410105')).toMatchObject({ value: 50, coverage: { fresh: 2, expected: 4 } })
    expect(found.get('410102')).toMatchObject({ value: null, coverage: { fresh: 0, expected: 1 } })
  })

  it('is null without a fresh reading, never 0', () => {
    const city = new City(pressures)
    put(city, 10, 0.3, 7200)
    expect(computeKpi(kpi('ws.pressure_pass'), city, now)).toMatchObject({ value: null, coverage: { fresh: 0, expected: 4 } })
    expect(computeKpi(kpi('ws.low_pressure'), city, now).value).toBeNull()
  })

  it('leaves out bad quality, and stations of another city', () => {
    const city = new City([...pressures, station(9, 'ws_pressure', ['ws.pressure'], { origin: 'C-Town' })])
    put(city, 10, 0.3)
    put(city, 20, 0.1, 10, 'bad')
    put(city, 90, 0.1)
    expect(computeKpi(kpi('ws.pressure_pass'), city, now)).toMatchObject({ value: 100, coverage: { fresh: 1, expected: 4 } })
    expect(survey(city, now).state.get(city.byCode.get('S-9') as never)).toBe('online')
    expect(Object.keys(overviewCells(city, survey(city, now), {} as never, new Map())).filter((k) => k.startsWith('station:'))).toHaveLength(4)
  })

  it('of a day is the sum of what each meter counted since local midnight; one whose opening is not known is left out', () => {
    const city = new City([1, 2, 3].map((id) => station(id, 'ws_plant', ['ws.volume'])))
    const midnight = now - 3_600_000
    city.counters = new Map([10, 20, 30].map((id) => [id, new DayCounter({ maxRatePerHour: 50_000, tolerance: 0.1 }, midnight, 300)]))
    put(city, 10, 1000, 3700)
    put(city, 20, 5000, 3700)
    put(city, 10, 1200)
    put(city, 20, 30)
    put(city, 30, 77)
    // The second one was reset, or is corrupt: its next reading tells.
    expect(computeKpi(kpi('ws.supply_today'), city, now)).toMatchObject({ value: 200, coverage: { fresh: 2, expected: 3 } })
    put(city, 20, 50, 5)
    expect(computeKpi(kpi('ws.supply_today'), city, now)).toMatchObject({ value: 250, coverage: { fresh: 2, expected: 3 } })
  })

  it('of a day is null until a meter’s opening reading is known, never 0', () => {
    const city = new City([station(1, 'ws_plant', ['ws.volume'])])
    put(city, 10, 364_000_000)
    expect(computeKpi(kpi('ws.supply_today'), city, now)).toMatchObject({ value: null, coverage: { fresh: 0, expected: 1 } })
    city.counters = new Map([[10, new DayCounter({ maxRatePerHour: 50_000, tolerance: 0.1 }, now - 3_600_000, 300)]])
    put(city, 10, 364_000_100, 5)
    put(city, 10, 364_000_200, 1)
    expect(computeKpi(kpi('ws.supply_today'), city, now)).toMatchObject({ value: null, coverage: { fresh: 0, expected: 1 } })
  })

  it('over a window sums each gauge and shows the greatest', () => {
    const city = new City([1, 2].map((id) => station(id, 'dr_rain', ['dr.rain'], { domain: 'drainage' })))
    city.windows = new Map([
      [
        10,
        [
          { observedAt: now - 3_700_000, value: 50 },
          { observedAt: now - 1_800_000, value: 2 },
        ],
      ],
      [20, []],
    ])
    put(city, 10, 1.5)
    put(city, 20, 3)
    expect(computeKpi(kpi('dr.rain_1h'), city, now).value).toBe(3.5)
  })
})

describe('the day of a meter', () => {
  const midnight = now - 3_600_000
  const minute = 60_000
  const day = (...readings: [minutes: number, value: number][]): number | null => {
    const counter = new DayCounter({ maxRatePerHour: 1200, registerMax: 100_000, tolerance: 0.1 }, midnight, 300)
    for (const [m, value] of readings) counter.take({ at: midnight + m * minute, value, quality: 'good' })
    return counter.total
  }
  it.each<[string, number | null, [number, number][]]>([
    [
      'opens with the last reading before midnight',
      70,
      [
        [-10, 900],
        [-2, 980],
        [3, 1000],
        [8, 1050],
      ],
    ],
    [
      'is 0 while midnight’s reading is the newest',
      0,
      [
        [-10, 900],
        [-2, 980],
      ],
    ],
    [
      'opens with its first reading when that came as soon as a report may',
      50,
      [
        [4, 1000],
        [9, 1050],
      ],
    ],
    [
      'is unknown when its first reading came later',
      null,
      [
        [30, 1000],
        [35, 1050],
      ],
    ],
    ['is unknown without a reading', null, []],
    [
      'goes on through a reset',
      98,
      [
        [-2, 980],
        [3, 1030],
        [8, 8],
        [13, 48],
      ],
    ],
    [
      'goes on through a roll-over',
      110,
      [
        [-2, 99_950],
        [3, 99_990],
        [8, 40],
        [13, 60],
      ],
    ],
    [
      'leaves a corrupt frame out',
      90,
      [
        [-2, 980],
        [3, 1000],
        [8, 7e8],
        [13, 1070],
      ],
    ],
    [
      'leaves a corrupt frame out with which it would have opened',
      90,
      [
        [-7, 970],
        [-2, 7e8],
        [3, 1000],
        [8, 1060],
      ],
    ],
    [
      'takes one back that looked possible and opened it',
      60,
      [
        [-12, 960],
        [-7, 970],
        [-2, 1060],
        [3, 1000],
        [8, 1030],
      ],
    ],
    [
      'holds a suspect out until its next reading',
      20,
      [
        [-2, 980],
        [3, 1000],
        [8, 1],
      ],
    ],
  ])('%s', (_, total, readings) => {
    expect(day(...readings)).toBe(total)
  })
})

describe('the live state', () => {
  it('never goes back in time for a point', () => {
    const city = new City([station(1, 'ws_pressure', ['ws.pressure'])])
    put(city, 10, 0.3, 10)
    expect(put(city, 10, 0.2, 20)).toBe(false)
    expect(city.point(10)?.reading?.value).toBe(0.3)
  })

  it('knows since when a value is beyond its limit, and forgets it when it returns', () => {
    const city = new City([station(1, 'ws_pressure', ['ws.pressure'])])
    put(city, 10, 0.13, 100)
    put(city, 10, 0.12, 50)
    expect(city.point(10)?.exceeding).toMatchObject({ severity: 2, since: now - 100_000 })
    put(city, 10, 0.05, 40)
    expect(city.point(10)?.exceeding).toMatchObject({ severity: 1, since: now - 40_000 })
    put(city, 10, 0.3, 5)
    expect(city.point(10)?.exceeding).toBeNull()
  })

  it('lists late and offline stations worst first', () => {
    const city = new City([1, 2, 3].map((id) => station(id, 'ws_pressure', ['ws.pressure'])))
    put(city, 10, 0.3, 10)
    put(city, 20, 0.3, 1500)
    put(city, 30, 0.3, 7200)
    const cells = overviewCells(city, survey(city, now), {} as never, new Map())
    expect(cells.troubled).toMatchObject({
      total: 2,
      items: [
        { code: 'S-3', state: 'offline' },
        { code: 'S-2', state: 'late' },
      ],
    })
    expect(cells['domain:water']).toMatchObject({ stations: { online: 1, late: 1, offline: 1, maintenance: 0 }, points: { fresh: 1, expected: 3 } })
  })
})
