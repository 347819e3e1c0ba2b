import type { Station } from '../city/registry.ts'
import type { LocalClock } from '../city/clock.ts'
import type { Temperature } from '../weather/temperature.ts'
import type { Rain } from '../weather/rain.ts'

/** What a perfect instrument would show at a moment, in the metric's unit. */
export type Signal = (t: number) => number
/** 0 good, 1 uncertain, 2 bad. */
export type QualitySignal = (t: number) => 0 | 1 | 2

/** A station's truth: one signal per metric of its kind. */
export interface StationModel {
  signals: Readonly<Record<string, Signal>>
  quality?: Readonly<Record<string, QualitySignal>>
}
export type Modeller = (station: Station) => StationModel

/** What all utilities share. */
export interface Surroundings {
  seed: number
  clock: LocalClock
  temperature: Temperature
  rain: Rain
}
