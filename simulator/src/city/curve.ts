/** Smooth step from 0 (x ≤ 0) to 1 (x ≥ 1). */
export const ease = (x: number): number => (x <= 0 ? 0 : x >= 1 ? 1 : x * x * (3 - 2 * x))
export const clamp = (x: number, min: number, max: number): number => (x < min ? min : x > max ? max : x)

/** A bump of a day's hour that wraps over midnight. */
export function bump(hour: number, centre: number, widthH: number): number {
  let d = Math.abs(hour - centre)
  if (d > 12) d = 24 - d
  return Math.exp(-((d / widthH) ** 2))
}
