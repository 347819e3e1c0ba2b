import { clamp } from '../city/curve.ts'
import { day, hour, minute, second } from '../city/clock.ts'
import type { Modeller, Signal, StationModel, Surroundings } from '../device/model.ts'
import { bell, derive, named, uniform, wander } from '../random/hash.ts'
import { createStream } from '../random/stream.ts'
import { partFull, sewage } from './sewage.ts'
import { coarse, fine, tracked } from './track.ts'

const sec = (t: number): number => Math.floor(t / second)

interface Sump {
  level: number
  runoff: number
  running: number
}

/**
 * Storm water and sewage by reservoirs and links of our own (no SWMM): rain fills a catchment (linear reservoir), the
 * catchment feeds a road, an underpass, a sump or a pipe, and that drains at a limited rate. Figures are judgement.
 */
export function createDrainage({ seed, clock, rain }: Surroundings): Modeller {
  const root = named(seed, 'drainage')

  return (station): StationModel => {
    const key = derive(root, station.index)
    const draw = createStream(key, station.kind)
    const place = [station.lon, station.lat] as const
    const falling = (t: number): number => rain.intensity(t, place)
    const noisy = (name: string, base: Signal, sigma: number, drift: number, periodMs: number): Signal => {
      const k = named(key, name)
      const w = derive(k, 1)
      return (t) => base(t) + sigma * bell(k, sec(t)) + drift * wander(w, t, periodMs)
    }
    /** A tipping bucket of 0.1 mm: the tips of the last five minutes. */
    const gauge = (): Signal => {
      const [fallen] = tracked<number>(
        rain,
        coarse,
        () => 0,
        (mm, t, dtH) => mm + falling(t + coarse / 2) * dtH,
        (mm) => [mm],
        1,
      )
      const tips = (t: number): number => Math.floor((fallen?.at(t) ?? 0) * 10 + 1e-4)
      // Within the day's first five minutes the running total of that day starts before the window.
      return (t) => {
        const before = t - 5 * minute
        const sameDay = Math.floor(before / day) === Math.floor(t / day)
        return Math.max(0, sameDay ? tips(t) - tips(before) : Math.round(falling(before + 2.5 * minute) * (5 / 60) * 10)) / 10
      }
    }
    /** Standing water, cm, where `gather` times the rain arrives and `drainMmH` leaves. */
    const standing = (gather: number, drainMmH: number, stepMs: number): Signal => {
      const [depth] = tracked<number>(
        rain,
        stepMs,
        () => 0,
        (cm, t, dtH) => clamp(cm + ((falling(t) * gather - drainMmH) * dtH) / 10, 0, 400),
        (cm) => [cm],
        1,
      )
      return (t) => depth?.at(t) ?? 0
    }
    const dirt = (t: number): number => 0.05 * Math.abs(wander(key, t, 3 * hour))

    switch (station.kind) {
      case 'dr_ponding': {
        const depth = standing(draw.between(3, 7), draw.between(90, 260), coarse)
        return { signals: { 'dr.ponding': (t) => Math.max(0, depth(t) + dirt(t)) } }
      }
      case 'dr_underpass': {
        const depth = standing(draw.between(8, 18), draw.between(420, 1100), fine)
        return { signals: { 'dr.underpass': (t) => Math.max(0, depth(t) + dirt(t)), 'dr.rain': gauge() } }
      }
      case 'dr_rain':
        return { signals: { 'dr.rain': gauge() } }
      case 'dr_outfall': {
        const base = draw.between(0.4, 1.1)
        const rise = draw.between(0.02, 0.05)
        const [water] = tracked<number>(
          rain,
          coarse,
          () => 0,
          (w, t, dtH) => w + (falling(t) * rise - w / 5) * dtH,
          (w) => [w],
          1,
        )
        return { signals: { 'dr.river': noisy('river', (t) => base + (water?.at(t) ?? 0), 0.004, 0.06, 0.8 * day) } }
      }
      case 'dr_pump': {
        const start = draw.between(1.7, 2.3)
        const area = draw.between(180, 420)
        const pumpM3h = draw.between(700, 1800)
        const seepM3h = draw.between(40, 160)
        const runoffM3hPerMm = draw.between(60, 170)
        const amps = draw.between(85, 150)
        const broken = uniform(derive(key, 9), 0) < 0.02
        const [level, running] = tracked<Sump>(
          rain,
          fine,
          (t) => ({ level: start - 0.6 * uniform(key, Math.floor(t / day)), runoff: 0, running: 0 }),
          (s, t, dtH) => {
            const runoff = s.runoff + (falling(t) * runoffM3hPerMm - s.runoff) * (dtH / 0.5)
            const inflow = seepM3h * sewage(clock.hour(t)) + runoff
            // Three pumps: each starts 0.25 m higher than the one before, all stop 0.6 m below the first.
            const wanted = clamp(Math.floor((s.level - start) / 0.25) + 1, 0, 3)
            const on = s.level < start - 0.6 ? 0 : Math.max(s.running, wanted)
            return { level: clamp(s.level + ((inflow - on * pumpM3h) / area) * dtH, 0.2, 8), runoff, running: on }
          },
          (s) => [s.level, s.running],
          2,
        )
        const on = (t: number): number => Math.round(running?.at(Math.floor(t / fine) * fine) ?? 0)
        return {
          signals: {
            'dr.forebay': noisy('level', (t) => level?.at(t) ?? 0, 0.004, 0, day),
            'dr.pump': (t) => (on(t) > 0 ? 1 : broken ? 2 : 0),
            'dr.pump_current': (t) => (on(t) === 0 ? 0 : on(t) * amps * (1 + 0.01 * bell(derive(key, 4), sec(t)))),
            'dr.flow': (t) => (on(t) === 0 ? 0 : on(t) * pumpM3h * (1 + 0.008 * bell(derive(key, 5), sec(t)))),
          },
        }
      }
      case 'dr_pipe': {
        const dryFill = draw.between(0.2, 0.38)
        const fullVelocity = draw.between(1.0, 1.7)
        const diameter = draw.between(0.6, 1.8)
        const gain = draw.between(0.012, 0.034)
        const lagH = draw.between(0.3, 0.8)
        const [storm] = tracked<readonly [number, number]>(
          rain,
          coarse,
          () => [0, 0],
          ([a, b], t, dtH) => [a + (falling(t) - a) * (dtH / lagH), b + (a - b) * (dtH / lagH)],
          ([, b]) => [b],
          1,
        )
        const fill: Signal = (t) => dryFill * (0.55 + 0.45 * sewage(clock.hour(t))) + gain * (storm?.at(t) ?? 0)
        const section = (Math.PI / 4) * diameter ** 2 * 3600
        return {
          signals: {
            'dr.fill': noisy('fill', (t) => clamp(100 * fill(t), 0, 260), 0.25, 0.6, 2 * hour),
            'dr.velocity': noisy('v', (t) => fullVelocity * partFull(fill(t)).velocity, 0.012, 0.02, 2 * hour),
            'dr.flow': (t) => {
              const { velocity, area } = partFull(fill(t))
              return fullVelocity * velocity * area * section * (1 + 0.012 * bell(derive(key, 4), sec(t)))
            },
            'dr.h2s': (t) => Math.max(0, 0.8 + 0.6 * wander(key, t, 5 * hour) + 0.05 * bell(derive(key, 6), sec(t))),
          },
        }
      }
      default: {
        const cod = draw.between(170, 330)
        const nh3n = draw.between(16, 29)
        const cond = draw.between(680, 1080)
        const works = (t: number): number => 1 + 0.09 * (sewage(clock.hour(t)) - 1)
        return {
          signals: {
            'dr.cod': noisy('cod', (t) => cod * works(t), 3, cod * 0.08, 0.5 * day),
            'dr.nh3n': noisy('nh3n', (t) => nh3n * works(t), 0.2, nh3n * 0.06, 0.6 * day),
            'dr.cond': noisy('cond', (t) => cond * (1 - 0.2 * clamp(falling(t) / 20, 0, 1)), 4, 35, 0.7 * day),
          },
        }
      }
    }
  }
}
