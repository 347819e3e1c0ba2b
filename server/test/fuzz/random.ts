/** Numbers from a seed (mulberry32): the same requests whenever and wherever they are made. */
export interface Random {
  next: () => number
  below: (n: number) => number
  chance: (p: number) => boolean
  pick: <T>(of: readonly T[]) => T
}

export function randomFrom(seed: number): Random {
  let state = seed >>> 0
  const next = (): number => {
    state = (state + 0x6d2b79f5) >>> 0
    let t = state
    t = Math.imul(t ^ (t >>> 15), t | 1)
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61)
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32
  }
  const below = (n: number): number => Math.floor(next() * n)
  return {
    next,
    below,
    chance: (p) => next() < p,
    pick(of) {
      const item = of[below(of.length)]
      if (item === undefined && of.length === 0) throw new Error('nothing to pick from')
      return item as (typeof of)[number]
    },
  }
}
