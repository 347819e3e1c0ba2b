import type { Severity, StationState } from '@yiping/contract/screen'
import { describe, expect, it } from 'vitest'
import { clusterDots, type ClusterInput } from './cluster.ts'
import type { Dot } from './map-option.ts'
import { arcSymbol } from './map-marks.ts'
import { affineOf, nextView } from './map-view.ts'

/** Same numbers every run: half of them in a core, the rest over the city. */
function city(count: number, over: (i: number) => Partial<Dot> = () => ({})): Dot[] {
  let seed = 7
  const next = (): number => {
    seed = (seed * 1103515245 + 12345) % 2 ** 31
    return seed / 2 ** 31
  }
  return Array.from({ length: count }, (_, i) => {
    const core = i % 2 === 0
    const state: StationState = 'online'
    return { code: `S-${i}`, lon: 113.6 + (next() - 0.5) * (core ? 0.1 : 1), lat: 34.7 + (next() - 0.5) * (core ? 0.1 : 1), state, severity: null, ...over(i) }
  })
}
const look = (dots: readonly Dot[], over: Partial<ClusterInput> = {}) =>
  clusterDots({ dots, scale: { x: 700, y: 850 }, dot: 4, cell: 40, most: 4000, view: [112, 33, 116, 36], chosen: null, ...over })

describe('many stations on few pixels', () => {
  it('leave a city of some thousand its fine dots', () => {
    expect(look(city(2500))).toMatchObject({ clusters: [] })
    expect(look(city(2500)).single).toHaveLength(2500)
  })
  it('of ten thousand the thickest places become clusters, and nobody is lost or counted twice', () => {
    const { single, clusters } = look(city(10_000))
    expect(clusters.length).toBeGreaterThan(5)
    expect(single.length).toBeLessThanOrEqual(4000)
    expect(single.length + clusters.reduce((n, c) => n + c.count, 0)).toBe(10_000)
    expect(new Set(single).size).toBe(single.length)
  })
  it('no two clusters touch, and no dot lies under one', () => {
    const dots = city(10_000)
    const { single, clusters } = look(dots)
    const px = (a: { lon: number; lat: number }, b: { lon: number; lat: number }): number => Math.hypot((a.lon - b.lon) * 700, (a.lat - b.lat) * 850)
    for (const [i, a] of clusters.entries()) for (const b of clusters.slice(i + 1)) expect(px(a, b)).toBeGreaterThanOrEqual(a.radius + b.radius - 1e-6)
    expect(single.filter((i) => clusters.some((c) => px(c, dots[i] ?? c) < c.radius))).toEqual([])
  })
  it('severities 1 and 2 and the station that is open are never hidden in one', () => {
    const severe = (i: number): Partial<Dot> => ({ severity: i % 100 === 0 ? ((((i / 100) % 4) + 1) as Severity) : null })
    const dots = city(10_000, severe)
    const { single, clusters } = look(dots, { chosen: 'S-2' })
    const alone = new Set(single)
    expect(dots.filter((d, i) => d.severity !== null && d.severity <= 2 && !alone.has(i))).toEqual([])
    expect(alone.has(2)).toBe(true)
    expect(clusters.every((c) => c.worst === null || c.worst >= 3)).toBe(true)
    expect(clusters.some((c) => c.worst === 3)).toBe(true)
  })
  it('say how many of them are silent, and where they are', () => {
    const { clusters } = look(city(10_000, (i) => ({ state: i % 3 === 0 ? 'offline' : i % 3 === 1 ? 'late' : 'online' })))
    for (const c of clusters) {
      expect(c.silent).toBeGreaterThan(0)
      expect(c.silent).toBeLessThan(c.count)
      expect(c.box[0] <= c.box[2] && c.box[1] <= c.box[3]).toBe(true)
    }
  })
  it('come apart when somebody goes nearer, and what is out of sight is left out', () => {
    const dots = city(10_000)
    const near = look(dots, { scale: { x: 44_800, y: 54_400 }, view: [113.6, 34.7, 113.62, 34.72] })
    expect(near.clusters).toHaveLength(0)
    expect(near.single.length).toBeGreaterThan(100)
    expect(near.single.every((i) => (dots[i]?.lon ?? 0) >= 113.6 && (dots[i]?.lat ?? 0) <= 34.72)).toBe(true)
  })
  it('panning moves none of them into another', () => {
    const dots = city(10_000)
    const whole = look(dots).clusters.map((c) => [c.lon, c.lat, c.count])
    expect(look(dots, { view: [112.5, 33, 116, 36] }).clusters.map((c) => [c.lon, c.lat, c.count])).toEqual(whole)
  })
})

it('an arc keeps the box of its whole circle, whatever share it shows', () => {
  expect(arcSymbol(0.25)).toBe('path://M-10,-10M10,10M0,-9.5A9.5,9.5 0 0 1 9.50,-0.00')
  expect(arcSymbol(0.75)).toContain('0 1 1 -9.50')
})

describe('the view', () => {
  const affine = affineOf(
    (lon, lat) => ({ x: (lon - 113) * 500, y: (35 - lat) * 600 }),
    [
      [113, 35],
      [114, 34],
    ],
  )
  if (!affine) throw new Error('no affine')
  it('is found from two places', () => {
    expect(affine).toEqual({ x: -56_500, y: 21_000, perLon: 500, perLat: -600 })
    expect(
      affineOf(
        () => null,
        [
          [0, 1],
          [1, 0],
        ],
      ),
    ).toBeNull()
  })
  it('holds while panning stays near and the scale about the same, and no longer', () => {
    const first = nextView(null, affine, 500, 600)
    expect(first.box).toEqual([112.5, 33.5, 114.5, 35.5])
    expect(nextView(first, { ...affine, x: affine.x + 200 }, 500, 600)).toBe(first)
    expect(nextView(first, { ...affine, x: affine.x + 300 }, 500, 600)).not.toBe(first)
    expect(nextView(first, { x: -113_000, y: 42_000, perLon: 1000, perLat: -1200 }, 500, 600).step).toBe(first.step + 2)
  })
})
