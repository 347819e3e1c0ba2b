import { bump } from '../city/curve.ts'

/** Dry-weather flow of sewers relative to its mean: homes, an hour or two after they drew the water. */
export const sewage = (hour: number): number => 0.52 + 0.75 * bump(hour, 9.2, 2.3) + 0.35 * bump(hour, 13.5, 2.5) + 0.75 * bump(hour, 21, 3)

/** Part-full circular pipe by Manning: velocity relative to full, and the wetted share of the section. `y` = depth ÷ diameter. */
export function partFull(y: number): { velocity: number; area: number } {
  if (y >= 1) return { velocity: 1 + 0.25 * (y - 1), area: 1 }
  if (y <= 0) return { velocity: 0, area: 0 }
  const theta = 2 * Math.acos(1 - 2 * y)
  const area = (theta - Math.sin(theta)) / (2 * Math.PI)
  const radius = (theta - Math.sin(theta)) / theta
  return { velocity: radius ** (2 / 3), area }
}
