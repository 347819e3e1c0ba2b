import type { IngestStatusAnswer } from '@yiping/contract/screen'

type Minutes = IngestStatusAnswer['minutes']

/** One topic class of the strip, in a box as many units wide as there are minutes, and 100 high, seen from above. */
export interface Lane {
  source: string
  /** Most readings of a minute: what the height stands for. */
  most: number
  received: string
  refused: string
  /** Minutes that do not close stand out over the whole height: a small difference is no small matter. */
  open: string
  /** Minutes in which nothing came. */
  gaps: string
}

const width = 0.82
/** Of a strip of so many minutes, how wide an open one is: seen from afar, whatever the span. */
const openWidth = (count: number): number => (count <= 90 ? width : count <= 480 ? 1.6 : 4)
/** The least that is seen of a bar that is not empty. */
const leastHeight = 6
const bar = (x: number, height: number, w = width): string => `M${x},100v${-Number(height.toFixed(1))}h${w}v${Number(height.toFixed(1))}z`

/** Minutes in a row that answer to `is`, as spans. */
function runs(count: number, is: (i: number) => boolean): [number, number][] {
  const out: [number, number][] = []
  for (let i = 0; i < count; i += 1) {
    if (!is(i)) continue
    const last = out.at(-1)
    if (last && last[1] === i) last[1] = i + 1
    else out.push([i, i + 1])
  }
  return out
}

/** What the whole height stands for: the peak, unless the usual is far below it. Then a bar above is drawn broken, over its full height. */
function scaleOf(received: readonly (number | null)[]): number {
  const known = received.flatMap((r) => (r ? [r] : [])).sort((a, b) => a - b)
  const most = known.at(-1) ?? 1
  const usual = known[Math.floor(0.95 * (known.length - 1))] ?? most
  return Math.min(most, 2 * usual)
}
const broken = (x: number): string => `${bar(x, 84)}M${x},10v-10h${width}v10z`

export function lanesOf(minutes: Minutes): Lane[] {
  return minutes.sources.map(({ source, received, refused, difference }) => {
    const most = received.reduce<number>((n, r) => Math.max(n, r ?? 0), 0)
    const scale = scaleOf(received)
    const height = (n: number): number => (n <= 0 ? 0 : Math.min(100, Math.max(leastHeight, (100 * n) / scale)))
    const drawn = (n: number, i: number): string => (n > scale ? broken(i) : bar(i, height(n)))
    const first = received.findIndex((r) => r !== null)
    // The minute that runs has had no time yet.
    const last = received.length - 1
    // Of a class that speaks now and then, silence is no gap.
    const spoken = received.filter((r) => r).length
    const steady = first >= 0 && spoken > (last - first) / 2
    const open = openWidth(received.length)
    return {
      source,
      most,
      received: received.flatMap((r, i) => (r ? [drawn(r, i)] : [])).join(''),
      refused: refused.flatMap((r, i) => (r > 0 ? [drawn(r, i)] : [])).join(''),
      open: difference.flatMap((d, i) => (d === 0 ? [] : [bar(i + (width - open) / 2, 100, open)])).join(''),
      gaps: runs(received.length, (i) => steady && i > first && i < last && !received[i])
        .map(([from, to]) => bar(from, 3, to - from))
        .join(''),
    }
  })
}

/** What stands in a minute of a lane; null where nothing was received. */
export function minuteOf(
  minutes: Minutes,
  lane: number,
  i: number,
): { at: number; source: string; received: number | null; refused: number; difference: number } | null {
  const of = minutes.sources[lane]
  if (!of || i < 0 || i >= of.received.length) return null
  return { at: minutes.from + i * 60_000, source: of.source, received: of.received[i] ?? null, refused: of.refused[i] ?? 0, difference: of.difference[i] ?? 0 }
}

/** Full hours of the strip, or of shorter spans full quarters, as places from 0 to 1. */
export function ticksOf(from: number, count: number): { at: number; place: number }[] {
  const step = (count <= 90 ? 15 : count <= 480 ? 60 : 180) * 60_000
  const out: { at: number; place: number }[] = []
  for (let at = Math.ceil(from / step) * step; at < from + count * 60_000; at += step) out.push({ at, place: (at - from) / (count * 60_000) })
  return out
}
