/** Placing texts on a map so that none lies on another. Everything in px of the drawing; y runs down. */
export interface Box {
  x: number
  y: number
  w: number
  h: number
}
export interface Point {
  x: number
  y: number
}

export const overlaps = (a: Box, b: Box, gap = 0): boolean => a.x < b.x + b.w + gap && b.x < a.x + a.w + gap && a.y < b.y + b.h + gap && b.y < a.y + a.h + gap
export const holds = (outer: Box, inner: Box): boolean =>
  inner.x >= outer.x && inner.y >= outer.y && inner.x + inner.w <= outer.x + outer.w && inner.y + inner.h <= outer.y + outer.h
const contains = (b: Box, p: Point): boolean => p.x >= b.x && p.x <= b.x + b.w && p.y >= b.y && p.y <= b.y + b.h

/** Does the straight line from `a` to `b` touch the box? */
export function crosses(a: Point, b: Point, box: Box): boolean {
  let from = 0
  let to = 1
  const dx = b.x - a.x
  const dy = b.y - a.y
  for (const [p, q] of [
    [-dx, a.x - box.x],
    [dx, box.x + box.w - a.x],
    [-dy, a.y - box.y],
    [dy, box.y + box.h - a.y],
  ] as const) {
    if (p === 0) {
      if (q < 0) return false
      continue
    }
    const r = q / p
    if (p < 0) from = Math.max(from, r)
    else to = Math.min(to, r)
    if (from > to) return false
  }
  return true
}

/** Width of a text at `size` px, near enough to keep texts apart: a Han character is one em, a Latin one about half (`latin`), less in condensed type. */
export function textWidth(text: string, size: number, latin = 0.54): number {
  let em = 0
  for (const c of text) em += (c.codePointAt(0) ?? 0) > 0x2e80 ? 1 : c === ' ' ? 0.28 : latin
  return em * size
}

/**
 * Names that stand on their place: at the anchor if it is free, else a little above, below or beside.
 * `step` is how far it goes at a time, its height unless told: a tall name that goes far is read as its neighbour's.
 */
export function placeNames<T extends Point & { w: number; h: number; step?: number }>(
  items: readonly T[],
  bounds: Box,
  taken: readonly Box[] = [],
): { item: T; box: Box }[] {
  const placed: { item: T; box: Box }[] = []
  const used: Box[] = [...taken]
  for (const item of items) {
    const { w, h } = item
    const up = item.step ?? h
    const tries: Point[] = [{ x: 0, y: 0 }]
    for (const step of [1, 1.6, 2.4])
      tries.push(
        { x: 0, y: -up * step },
        { x: 0, y: up * step },
        { x: -w * 0.5 * step, y: 0 },
        { x: w * 0.5 * step, y: 0 },
        { x: -w * 0.5 * step, y: -up * 0.8 },
        { x: w * 0.5 * step, y: -up * 0.8 },
      )
    for (const d of tries) {
      const box = { x: item.x + d.x - w / 2, y: item.y + d.y - h / 2, w, h }
      if (!holds(bounds, box) || used.some((u) => overlaps(u, box, 2))) continue
      used.push(box)
      placed.push({ item, box })
      break
    }
  }
  return placed
}

export interface Callout<T> {
  item: T
  box: Box
  /** Where the leader meets the box. */
  end: Point
}

/**
 * Callouts with a leader, the most important first. A box never lies on another text or outside the drawing, a leader
 * never runs through a text; among what is left the place that hides fewest marks and is nearest wins. An item without
 * such a place is left out, the list beside the map has it anyway.
 */
export function placeCallouts<T extends Point & { w: number; h: number }>(
  items: readonly T[],
  bounds: Box,
  taken: readonly Box[],
  marks: readonly Point[],
  reach: number,
): Callout<T>[] {
  const placed: Callout<T>[] = []
  const used: Box[] = [...taken]
  const leaders: [Point, Point][] = []
  for (const item of items) {
    let best: { callout: Callout<T>; cost: number } | null = null
    for (const distance of [1, 1.7, 2.6, 3.8]) {
      for (let k = 0; k < 12; k++) {
        const angle = ((k + 0.5) * Math.PI) / 6
        const end = { x: item.x + Math.cos(angle) * reach * distance, y: item.y + Math.sin(angle) * reach * distance * 0.8 }
        const box = { x: end.x >= item.x ? end.x : end.x - item.w, y: end.y - item.h / 2, w: item.w, h: item.h }
        if (!holds(bounds, box) || contains(box, item)) continue
        if (used.some((u) => overlaps(u, box, 3))) continue
        if (placed.some((p) => crosses(item, end, p.box)) || leaders.some(([a, b]) => crosses(a, b, box))) continue
        const hidden = marks.filter((m) => contains(box, m)).length
        const through = used.filter((u) => crosses(item, end, u)).length
        const cost = distance + hidden * 2 + through * 1.5
        if (!best || cost < best.cost) best = { callout: { item, box, end }, cost }
      }
    }
    if (!best) continue
    placed.push(best.callout)
    used.push(best.callout.box)
    leaders.push([best.callout.item, best.callout.end])
  }
  return placed
}
