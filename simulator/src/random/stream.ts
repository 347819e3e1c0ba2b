import { uniformFloat64 } from 'pure-rand/distribution/uniformFloat64'
import { xoroshiro128plus } from 'pure-rand/generator/xoroshiro128plus'
import { randomLogNormal, randomNormal } from 'd3-random'
import { named } from './hash.ts'

/** Chance in sequence, for things that are drawn once (the registry, a rain event): xoroshiro128+ by name. */
export interface Stream {
  /** [0, 1) */
  next(): number
  between(min: number, max: number): number
  whole(min: number, max: number): number
  normal(mean: number, deviation: number): number
  logNormal(median: number, sigma: number): number
  pick<T>(items: readonly T[]): T
}

export function createStream(seed: number, name: string): Stream {
  const generator = xoroshiro128plus(named(seed, name))
  const next = (): number => uniformFloat64(generator)
  const gauss = randomNormal.source(next)(0, 1)
  const between = (min: number, max: number): number => min + (max - min) * next()
  return {
    next,
    between,
    whole: (min, max) => Math.floor(between(min, max + 1)),
    normal: (mean, deviation) => mean + deviation * gauss(),
    logNormal: (median, sigma) => randomLogNormal.source(next)(Math.log(median), sigma)(),
    pick: (items) => {
      const item = items[Math.floor(next() * items.length)]
      if (item === undefined) throw new Error('nothing to pick from')
      return item
    },
  }
}
