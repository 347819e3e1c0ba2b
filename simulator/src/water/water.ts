import { clamp } from '../city/curve.ts'
import { day, minute, second } from '../city/clock.ts'
import type { Modeller, Signal, StationModel, Surroundings } from '../device/model.ts'
import { bell, derive, named, uniform, wander } from '../random/hash.ts'
import { createStream } from '../random/stream.ts'
import { createDemand } from './demand.ts'
import { openness, type Leak } from './leak.ts'
import type { Network } from './network.ts'
import { createOverlay, type Binding } from './overlay.ts'

/** MPa per metre of water. */
const perMetre = 0.00980665
const sec = (t: number): number => Math.floor(t / second)

/**
 * The water supply. Pressure: what EPANET says at the node nearest to the station, on the station's own datum (the
 * height of its gauge). Flow: the district's demand. Leaks of `leaks` act on pressure and flow; totalizers keep to
 * plan, so that they never run backwards when a restart forgets a leak.
 */
export function createWater({ seed, clock }: Surroundings, network: Network, leaks: readonly Leak[]): Modeller {
  const demand = createDemand(seed, clock)
  const bind = createOverlay(network)
  const root = named(seed, 'water')

  /** MPa above or below the pressure at mean demand. */
  const deviation = ({ node, connected }: Binding, t: number): number => {
    const d = demand.city.at(t)
    let p = network.calm.at(node, d)
    if (connected)
      for (const leak of leaks) {
        const open = openness(leak, t)
        if (open > 0) p += open * (leak.table.at(node, d) - network.calm.at(node, d))
      }
    return (p - network.calm.at(node, 1)) * perMetre
  }
  /** Extra flow that a leak draws past a station: in proportion to the pressure that it costs there. */
  const drawn = ({ node, connected }: Binding, t: number): number => {
    let flow = 0
    if (connected)
      for (const leak of leaks) {
        const open = openness(leak, t)
        if (open > 0) flow += open * leak.flowM3h * 0.7 * clamp((network.calm.at(node, 1) - leak.table.at(node, 1)) / leak.dropM, 0, 1)
      }
    return flow
  }

  return (station): StationModel => {
    const key = derive(root, station.index)
    const draw = createStream(key, station.kind)
    const binding = bind(station)
    const noisy = (name: string, base: Signal, sigma: number, drift: number, periodMs: number): Signal => {
      const k = named(key, name)
      const w = derive(k, 1)
      return (t) => base(t) + sigma * bell(k, sec(t)) + drift * wander(w, t, periodMs)
    }
    const flows = (nominal: number, homes: number) => ({
      flow: (t: number) => nominal * (homes * demand.homes.at(t) + (1 - homes) * demand.trade.at(t)),
      // Eight years of life before the epoch, so that no meter starts from zero.
      volume: (t: number) => nominal * (70_000 + homes * demand.homes.integral(t) + (1 - homes) * demand.trade.integral(t)),
    })
    const daily = (name: string, base: number, sigma: number, min: number): Signal => {
      const k = named(key, name)
      return (t) => Math.max(min, base + sigma * bell(k, Math.floor((t + 8 * 3600 * second) / day)))
    }
    const fault = named(key, 'fault')
    const pump: Signal = (t) => (uniform(fault, Math.floor(t / (3 * day))) < 0.004 ? 2 : 1)
    const quality = (turbidity: number, ph: number) => ({
      'ws.turbidity': noisy('ntu', () => turbidity, 0.006, turbidity * 0.12, 0.7 * day),
      'ws.ph': noisy('ph', () => ph, 0.008, 0.06, 1.3 * day),
    })

    switch (station.kind) {
      case 'ws_plant': {
        const big = binding.connected
        const { flow, volume } = flows(big ? draw.between(3600, 5200) : draw.between(900, 1800), 0.65)
        const head = draw.between(0.4, 0.48)
        const chlorine = draw.between(0.52, 0.68)
        const level = draw.between(2.7, 3.2)
        return {
          signals: {
            'ws.flow': noisy('flow', flow, 8, 0, day),
            'ws.volume': volume,
            'ws.pressure': noisy('p', (t) => head - 0.015 * (demand.city.at(t) - 1), 0.001, 0.003, 0.2 * day),
            ...quality(draw.between(0.14, 0.3), draw.between(7.35, 7.8)),
            'ws.cl_out': noisy('cl', () => chlorine, 0.006, 0.04, 0.5 * day),
            // Filled at night, drawn down towards the evening.
            'ws.tank_level': noisy('level', (t) => level + 0.75 * Math.cos(((clock.hour(t) - 6) / 12) * Math.PI), 0.006, 0.1, 0.4 * day),
            'ws.pump_state': pump,
            'ws.pump_freq': noisy('hz', (t) => clamp(41 + 6 * (demand.city.at(t) - 1), 35, 50), 0.05, 0.2, 0.1 * day),
          },
        }
      }
      case 'ws_booster': {
        const { flow } = flows(draw.between(18, 110), 0.9)
        const set = draw.between(0.32, 0.44)
        const level = draw.between(2.2, 2.9)
        return {
          signals: {
            'ws.pressure': noisy('p', (t) => Math.max(0.02, set + 0.12 * Math.min(0, deviation(binding, t))), 0.0012, 0.004, 0.1 * day),
            'ws.flow': noisy('flow', flow, 0.4, 0, day),
            'ws.tank_level': noisy(
              'level',
              (t) => clamp(level - 0.55 * (demand.homes.at(t) - 1) + 4 * Math.min(0, deviation(binding, t)), 0.3, 4),
              0.005,
              0.15,
              0.15 * day,
            ),
            'ws.pump_state': pump,
            'ws.pump_freq': noisy('hz', (t) => clamp(40 + 7 * (demand.homes.at(t) - 1), 33, 50), 0.05, 0.3, 0.05 * day),
          },
        }
      }
      case 'ws_quality': {
        const chlorine = draw.between(0.16, 0.34)
        return {
          signals: {
            ...quality(draw.between(0.18, 0.42), draw.between(7.3, 7.8)),
            'ws.cl_end': noisy('cl', (t) => chlorine + 0.012 * (demand.city.at(t) - 1), 0.003, 0.025, 0.6 * day),
          },
        }
      }
      default: {
        // One gauge in fifty stands high up or at a dead end: there pressure falls below the limit when demand peaks.
        const poor = draw.next() < 1 / 50
        const base = poor ? draw.between(0.122, 0.154) : clamp(draw.normal(0.315, 0.035), 0.255, 0.42)
        const relief = poor ? 0.5 : 1
        const still: Signal = (t) => base + relief * deviation(binding, t) + 0.002 * wander(key, t, 9 * minute)
        const { flow, volume } = flows(draw.logNormal(station.kind === 'ws_dma' ? 210 : 330, 0.6), draw.between(0.5, 0.85))
        const gauge = noisy('p', (t) => Math.max(0.004, still(t)), 0.0006, 0, day)
        const meter = noisy('flow', (t) => flow(t) + drawn(binding, t), 0.6, 0, day)
        if (station.kind === 'ws_dma')
          return {
            signals: {
              'ws.flow': meter,
              'ws.volume': volume,
              'ws.pressure': gauge,
              'ws.mnf_ratio': daily('mnf', draw.between(24, 36), 1.2, 5),
              'ws.leak_rate': daily('leak', clamp(draw.normal(8.2, 0.7), 6.5, 11.5), 0.15, 1),
            },
          }
        const rate = named(key, 'rate')
        return {
          signals: {
            'ws.pressure': gauge,
            'ws.flow': meter,
            'ws.dp_dt': (t) => Math.max(0, (still(t - minute) - still(t)) * 1000 + 0.15 * bell(rate, sec(t))),
          },
        }
      }
    }
  }
}
