import type { Bounds } from './geo.ts'
import type { Point } from './place.ts'

/** The map is drawn as it is: px = offset + factor × degree on either axis. */
export interface Affine {
  x: number
  y: number
  perLon: number
  /** Below zero: y runs down. */
  perLat: number
}

export function affineOf(pixel: (lon: number, lat: number) => Point | null, [[west, north], [east, south]]: Bounds): Affine | null {
  const a = pixel(west, north)
  const b = pixel(east, south)
  if (!a || !b || a.x === b.x || a.y === b.y) return null
  const perLon = (b.x - a.x) / (east - west)
  const perLat = (b.y - a.y) / (south - north)
  return { x: a.x - west * perLon, y: a.y - north * perLat, perLon, perLat }
}

/** What clusters are made for: a step of the scale (the next smaller, so that no two marks come to touch), and the ground around what is seen. */
export interface View {
  step: number
  scale: { x: number; y: number }
  /** West, south, east, north. */
  box: [number, number, number, number]
}

const stepsPerDoubling = 2

/**
 * The view, or the one before while that still holds: the same step of the scale, and what is seen inside its ground. So
 * panning and a little zooming move the drawing and make nothing anew.
 */
export function nextView(before: View | null, { x, y, perLon, perLat }: Affine, width: number, height: number): View {
  const step = Math.floor(Math.log2(perLon) * stepsPerDoubling)
  const [west, east] = [-x / perLon, (width - x) / perLon]
  const [north, south] = [-y / perLat, (height - y) / perLat]
  if (before?.step === step && before.box[0] <= west && before.box[1] <= south && before.box[2] >= east && before.box[3] >= north) return before
  const [padX, padY] = [(east - west) / 2, (north - south) / 2]
  const exact = 2 ** (step / stepsPerDoubling)
  return { step, scale: { x: exact, y: (exact * -perLat) / perLon }, box: [west - padX, south - padY, east + padX, north + padY] }
}
