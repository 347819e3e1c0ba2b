import { clamp } from '../city/curve.ts'
import { day, hour, minute, second } from '../city/clock.ts'
import type { Modeller, Signal, StationModel, Surroundings } from '../device/model.ts'
import { bell, derive, named, uniform, wander } from '../random/hash.ts'
import { createStream } from '../random/stream.ts'
import { createGasDemand } from './demand.ts'
import { pressureLost, seeping, type GasLeak } from './leak.ts'

const sec = (t: number): number => Math.floor(t / second)
/** Water this deep covers the methane probe, m. */
export const probeDepthM = 0.9
/** Natural gas: parts of ethane per million at 1 %LEL of methane (500 ppm), with 4 % ethane. */
const ethanePpmPerLel = 500 * 0.04

/** The gas supply: medium-pressure network, regulators, chambers and service points. */
export function createGas({ seed, clock, temperature, rain }: Surroundings, leaks: readonly GasLeak[]): Modeller {
  const demand = createGasDemand(seed, clock, temperature)
  const root = named(seed, 'gas')

  return (station): StationModel => {
    const key = derive(root, station.index)
    const draw = createStream(key, station.kind)
    const noisy = (name: string, base: Signal, sigma: number, drift: number, periodMs: number): Signal => {
      const k = named(key, name)
      const w = derive(k, 1)
      return (t) => base(t) + sigma * bell(k, sec(t)) + drift * wander(w, t, periodMs)
    }
    const lost = (t: number): number => leaks.reduce((sum, l) => sum + pressureLost(l, station.index, t), 0)
    const medium = (set: number): Signal =>
      noisy('mid', (t) => set * (1 - 0.028 * (demand.at(t) - 1)) * (1 - 0.4 * lost(t)), set * 0.0015, set * 0.006, 0.15 * day)

    switch (station.kind) {
      case 'gs_gate': {
        const nominal = draw.between(8500, 15_500)
        const imbalance = draw.between(1.2, 2.6)
        const odour = draw.between(23, 27)
        const daily = named(key, 'imbalance')
        return {
          signals: {
            'gs.flow': noisy('flow', (t) => nominal * demand.at(t), 20, 0, day),
            'gs.volume': (t) => nominal * (80_000 + demand.integral(t)),
            'gs.p_mid': medium(draw.between(0.34, 0.37)),
            'gs.ch4_station': (t) => Math.max(0, 0.15 + 0.1 * wander(key, t, 20 * minute) + 0.05 * bell(key, sec(t))),
            'gs.imbalance': (t) => Math.max(0.2, imbalance + 0.3 * bell(daily, Math.floor((t + 8 * hour) / day))),
            'gs.odorant': noisy('odorant', () => odour, 0.15, 0.8, 0.8 * day),
          },
        }
      }
      case 'gs_regulator': {
        // One in sixty creeps: its seat leaks and the outlet rises above its band now and then.
        const creeping = draw.next() < 1 / 60
        const set = creeping ? draw.between(2.95, 3.1) : draw.between(2.45, 2.75)
        const nominal = draw.logNormal(420, 0.7)
        return {
          signals: {
            'gs.p_mid': medium(draw.between(0.2, 0.34)),
            'gs.p_reg_out': noisy('out', (t) => (set - 0.03 * (demand.at(t) - 1)) * (1 - 0.3 * lost(t)), 0.012, creeping ? 0.09 : 0.03, 3 * hour),
            'gs.flow': noisy('flow', (t) => nominal * demand.at(t) * (1 + 1.1 * lost(t)), 1.5, 0, day),
          },
        }
      }
      case 'gs_user': {
        const set = draw.between(2.2, 2.55)
        return {
          signals: {
            'gs.p_low': noisy('low', (t) => (set - 0.07 * (demand.at(t) - 1)) * (1 - 0.45 * lost(t)), 0.01, 0.02, 2 * hour),
            'gs.indoor': (t) => Math.max(0, 0.1 + 0.1 * wander(key, t, 6 * hour)),
          },
        }
      }
      default: {
        // Sewer gas (no ethane) stands in one chamber of twelve; water seeps into one of eight, and a few are drowned.
        const swampy = draw.next() < 1 / 12 ? draw.between(0.8, 3) : 0
        const seepage = draw.next() < 1 / 8 ? draw.between(0.05, 0.6) : 0
        const sump = draw.next() < 1 / 100 ? draw.between(0.95, 1.3) : 0
        const tilt = draw.between(0.2, 1.8)
        const place = [station.lon, station.lat] as const
        /** Rain of the last day at the chamber, mm, by the hour. */
        const soaked = (t: number): number => {
          if (!rain.wet(t - day, t)) return 0
          let mm = 0
          for (let h = 0.5; h < 24; h++) mm += rain.intensity(t - h * hour, place) * (1 - h / 24)
          return mm
        }
        const water: Signal = (t) =>
          seepage === 0 && sump === 0 ? 0 : clamp(seepage * (0.7 + 0.3 * wander(derive(key, 7), t, 2 * day)) + sump + seepage * soaked(t) * 0.03, 0, 2.5)
        const leaked = (t: number): number => leaks.reduce((sum, l) => sum + seeping(l, station.index, t), 0)
        const submerged = (t: number): boolean => water(t) >= probeDepthM
        return {
          signals: {
            'gs.ch4_lel': (t) => {
              const gas = 0.25 + 0.2 * wander(key, t, 5 * hour) + swampy * (0.75 + 0.25 * wander(derive(key, 2), t, 0.5 * day)) + leaked(t)
              // A drowned probe sees nothing.
              return Math.max(0, (submerged(t) ? 0.05 : gas) + 0.05 * bell(key, sec(t)))
            },
            'gs.c2h6': (t) => Math.max(0, (submerged(t) ? 0 : leaked(t) * ethanePpmPerLel) + 0.25 + 0.2 * bell(derive(key, 3), sec(t))),
            'gs.well_water': (t) => Math.max(0, water(t) + 0.004 * bell(derive(key, 4), sec(t))),
            'gs.cover_tilt': (t) =>
              Math.max(0, tilt + 0.1 * bell(derive(key, 5), sec(t)) + (uniform(derive(key, 6), Math.floor(t / (30 * day))) < 0.002 ? 14 : 0)),
          },
          quality: { 'gs.ch4_lel': (t) => (submerged(t) ? 2 : 0), 'gs.c2h6': (t) => (submerged(t) ? 2 : 0) },
        }
      }
    }
  }
}
