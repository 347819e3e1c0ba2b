export interface Published {
  text: string
  at: number
}

/**
 * How long each published value took to the screen. The wall shows the newest value only: one that was overtaken by the
 * next before a frame came counts up to the frame that shows the next, else the slowest would be left out.
 */
export function shownAfter(
  published: readonly Published[],
  shown: readonly { text: string; at: number }[],
): { waits: number[]; superseded: number; unseen: number } {
  const waits: number[] = []
  let superseded = 0
  let unseen = 0
  // From the last to the first: what shows a value also shows that all before it are past.
  let next: number | null = null
  for (const p of [...published].reverse()) {
    const own = shown.find((s) => s.text === p.text && s.at >= p.at)?.at ?? null
    if (own === null && next === null) {
      unseen += 1
      continue
    }
    if (own === null) superseded += 1
    const at: number = own === null ? (next ?? 0) : next === null ? own : Math.min(own, next)
    waits.push(at - p.at)
    next = at
  }
  return { waits: waits.reverse(), superseded, unseen }
}
