import { clamp } from '../city/curve.ts'
import { day, hour, second } from '../city/clock.ts'
import type { Modeller, Signal, StationModel, Surroundings } from '../device/model.ts'
import { bell, derive, named, wander } from '../random/hash.ts'
import { createStream } from '../random/stream.ts'
import { createHeatLoad } from './load.ts'
import { cooled, flowing, type HeatOutage } from './outage.ts'

const sec = (t: number): number => Math.floor(t / second)
/** m³/h of water that carry 1 GJ/h with a difference of 1 K (4.19 kJ/kg K, 970 kg/m³). */
const flowPerGjK = 1e6 / (4.19 * 970)

/**
 * District heating: the curve sets the supply temperature by the weather, flow follows from power and temperature
 * difference, rooms follow both with the slowness of walls. Curves are judgement, after weather-compensated practice.
 */
export function createHeating({ seed, clock, temperature }: Surroundings, outages: readonly HeatOutage[]): Modeller {
  const heat = createHeatLoad(clock, temperature)
  const root = named(seed, 'heating')
  const blend =
    (on: Signal, off: Signal): Signal =>
    (t) => {
      const s = heat.season(t)
      return s === 1 ? on(t) : s * on(t) + (1 - s) * off(t)
    }
  const idle: Signal = (t) => 6 + 0.7 * Math.max(0, heat.outdoor.at(t))
  const coldness: Signal = (t) => 18 - heat.outdoor.at(t)

  return (station): StationModel => {
    const key = derive(root, station.index)
    const draw = createStream(key, station.kind)
    const noisy = (name: string, base: Signal, sigma: number, drift: number, periodMs: number): Signal => {
      const k = named(key, name)
      const w = derive(k, 1)
      return (t) => base(t) + sigma * bell(k, sec(t)) + drift * wander(w, t, periodMs)
    }
    const flow = (t: number): number => outages.reduce((f, o) => f * flowing(o, station.index, t), 1)
    const chill = (t: number, downH: number, upH: number): number => outages.reduce((c, o) => Math.max(c, cooled(o, station.index, t, downH, upH)), 0)
    /** Towards the surroundings while no heat comes. */
    const cooling =
      (warm: Signal, around: Signal, downH: number, upH: number): Signal =>
      (t) => {
        const c = chill(t, downH, upH)
        return c === 0 ? warm(t) : warm(t) + (around(t) - warm(t)) * c
      }
    /** GJ that never came because of outages: what the meter must not count. */
    const missing = (t: number): number =>
      outages.reduce(
        (sum, o) => sum + (t <= o.start ? 0 : (o.members.get(station.index) ?? 0) * (heat.load.integral(Math.min(t, o.end)) - heat.load.integral(o.start))),
        0,
      )

    const primary = (rated: number, supplyLoss: number, returnShift: number, p: readonly [supply: number, back: number]) => {
      const supply = cooling(
        blend((t) => 61 + 1.9 * coldness(t) - supplyLoss, idle),
        idle,
        0.7,
        0.5,
      )
      const back = cooling(
        blend((t) => 37 + 0.58 * coldness(t) + returnShift, idle),
        idle,
        1.2,
        0.8,
      )
      const power: Signal = (t) => rated * heat.load.at(t) * flow(t)
      const flowNoise = named(key, 'flow')
      const powerNoise = named(key, 'power')
      return {
        'ht.t1s': noisy('t1s', supply, 0.12, 0.5, 0.25 * day),
        'ht.t1r': noisy('t1r', back, 0.12, 0.5, 0.3 * day),
        'ht.p1s': noisy(
          'p1s',
          blend(
            (t) => p[0] * (0.25 + 0.75 * flow(t)),
            () => p[1],
          ),
          0.002,
          0.008,
          0.2 * day,
        ),
        'ht.p1r': noisy(
          'p1r',
          blend(
            (t) => p[1] * (0.4 + 0.6 * flow(t)),
            () => p[1],
          ),
          0.0015,
          0.005,
          0.2 * day,
        ),
        'ht.flow1': (t: number) => Math.max(0, ((power(t) * flowPerGjK) / Math.max(12, supply(t) - back(t))) * (1 + 0.004 * bell(flowNoise, sec(t)))),
        'ht.power': (t: number) => Math.max(0, power(t) * (1 + 0.006 * bell(powerNoise, sec(t)))),
        'ht.energy': (t: number) => rated * (14_000 + heat.load.integral(t) - missing(t)),
        'ht.pump_freq': noisy('hz', (t) => (heat.season(t) < 0.02 ? 0 : flow(t) < 0.05 ? 0 : 29 + 17 * Math.min(1, heat.load.at(t))), 0, 0, day),
      }
    }
    switch (station.kind) {
      case 'ht_source': {
        const makeup = draw.between(0.3, 0.44)
        const broken = (t: number): number => outages.reduce((sum, o) => sum + (o.source === station.index && t > o.start && t < o.end ? 1 : 0), 0)
        return {
          signals: {
            ...primary(draw.between(1500, 2600), 0, 0, [draw.between(0.95, 1.15), draw.between(0.4, 0.5)]),
            'ht.makeup_rate': noisy('makeup', (t) => heat.season(t) * (makeup + 1.1 * broken(t)), 0.006, 0.03, 0.5 * day),
            'ht.t_out': noisy('out', (t) => temperature.air(t) - (station.lat - 34.75) * 1.5, 0.06, 0.5, 0.3 * day),
          },
        }
      }
      case 'ht_station': {
        const makeup = draw.between(0.45, 0.85)
        const lift = draw.normal(0, 0.7)
        const supply = cooling(
          blend((t) => 36.5 + 0.72 * coldness(t) + lift, idle),
          () => 19,
          1.6,
          0.8,
        )
        const back = cooling(
          blend((t) => 31.5 + 0.42 * coldness(t) + 0.6 * lift, idle),
          () => 19,
          2.2,
          1.2,
        )
        const [p2s, p2r] = [draw.between(0.42, 0.55), draw.between(0.28, 0.38)]
        return {
          signals: {
            ...primary(clamp(draw.logNormal(13, 0.5), 3, 36), draw.between(1.5, 4.5), draw.normal(0, 0.8), [draw.between(0.72, 0.98), draw.between(0.36, 0.5)]),
            'ht.t2s': noisy('t2s', supply, 0.1, 0.3, 0.2 * day),
            'ht.t2r': noisy('t2r', back, 0.1, 0.3, 0.2 * day),
            'ht.p2s': noisy('p2s', () => p2s, 0.0015, 0.006, 0.2 * day),
            'ht.p2r': noisy('p2r', () => p2r, 0.0015, 0.005, 0.2 * day),
            'ht.makeup_rate': noisy('makeup', (t) => heat.season(t) * makeup, 0.008, 0.06, 0.6 * day),
          },
        }
      }
      default: {
        // One home in fifty is at the end of the riser or badly insulated.
        const poor = draw.next() < 1 / 50
        const base = poor ? draw.between(17, 18.4) : clamp(draw.normal(21, 0.9), 19, 23.4)
        const leaky = poor ? 0.05 : draw.between(0.01, 0.04)
        const sun: Signal = (t) => 0.35 * Math.max(0, Math.cos(((clock.hour(t) - 14) / 7) * (Math.PI / 2)))
        const warm = blend(
          (t) => base - leaky * Math.max(0, coldness(t) - 16) + (poor ? 0 : 0.6 * sun(t)),
          (t) => clamp(4 + 0.82 * heat.outdoor.at(t) + 0.03 * (base - 21), 14, 31),
        )
        const wall: Signal = (t) => heat.outdoor.at(t) + 4
        return { signals: { 'ht.room': noisy('room', cooling(warm, wall, 38, 9), 0.03, 0.25, 5 * hour) } }
      }
    }
  }
}
