/**
 * Chance that can be asked for any moment in any order: every figure is a hash of (key, slot), so the city of a seed
 * is the same after a restart. Mixer: the finaliser of MurmurHash3 (Appleby, public domain).
 */

export type Key = number

const mix = (h: number): number => {
  h ^= h >>> 16
  h = Math.imul(h, 0x85ebca6b)
  h ^= h >>> 13
  h = Math.imul(h, 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}

/** A key out of a key and a number: order matters. */
export const derive = (key: Key, n: number): Key => mix((Math.imul(key, 0x9e3779b1) + Math.imul(n | 0, 0x85ebca77) + 0x165667b1) | 0)

/** A key out of a key and a name. */
export function named(key: Key, name: string): Key {
  let h = key
  for (let i = 0; i < name.length; i++) h = derive(h, name.charCodeAt(i))
  return h
}

/** Uniform in [0, 1) for the n-th slot of a key. */
export const uniform = (key: Key, n: number): number => derive(key, n) / 4_294_967_296

/** Bell-shaped with mean 0, standard deviation 1, never beyond ±3.5: three uniforms of one slot (Irwin–Hall). */
export function bell(key: Key, n: number): number {
  const a = derive(key, n)
  const b = mix(a ^ 0x5bd1e995)
  const c = mix(b ^ 0x27d4eb2f)
  return ((a + b + c) / 4_294_967_296 - 1.5) * 2
}

/** Smooth wandering in [-1, 1] with the given period: value noise, smoothstep between hashed slots. */
export function wander(key: Key, t: number, periodMs: number): number {
  const x = t / periodMs
  const slot = Math.floor(x)
  const f = x - slot
  const a = uniform(key, slot)
  const b = uniform(key, slot + 1)
  return 2 * (a + (b - a) * f * f * (3 - 2 * f)) - 1
}
