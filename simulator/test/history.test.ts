import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { history, historyHeader } from '../src/history/history.ts'
import { pour } from '../src/history/write.ts'
import { createWorld, type World } from '../src/world.ts'

const to = Date.parse('2026-11-23T08:20:00+08:00')
const minute = 60_000
let world: World
beforeAll(async () => {
  world = await createWorld({ seed: 1, zone: 'Asia/Shanghai' })
}, 30_000)

describe('the past', { timeout: 30_000 }, () => {
  it('is the same byte for byte from the same seed, and crosses midnight UTC without a seam', async () => {
    const from = to - 40 * minute
    const twin = await createWorld({ seed: 1, zone: 'Asia/Shanghai' })
    const whole = [...history(world, from, to)].join('')
    expect([...history(twin, from, to)].join('')).toBe(whole)
    // Two halves hold what the whole holds: no row twice, none between.
    const middle = from + 13 * minute
    const rows = (text: string) => text.split('\n').slice(1, -1)
    const held = new Set(world.sites.filter((s) => world.outages.at(s.station, middle) ?? world.outages.at(s.station, to)).map((s) => s.station.code))
    const free = (r: string[]) => r.filter((line) => !held.has(line.split(',')[0] ?? '')).toSorted()
    expect(free([...rows([...history(world, from, middle)].join('')), ...rows([...history(world, middle, to)].join(''))])).toEqual(free(rows(whole)))
  })

  it('has one row per point and interval, as the header says', () => {
    const text = [...history(world, to - 60 * minute, to)].join('')
    expect(text.startsWith(historyHeader)).toBe(true)
    const rows = text.trim().split('\n').slice(1)
    const wanted = world.sites
      .filter((s) => !world.outages.at(s.station, to))
      .reduce((n, s) => n + s.sensors.reduce((m, x) => m + 3600 / x.metric.intervalS, 0), 0)
    expect(rows.length / wanted).toBeGreaterThan(0.98)
    expect(rows.length / wanted).toBeLessThan(1.02)
    expect(new Set(rows.map((r) => r.split(',').slice(0, 3).join())).size).toBe(rows.length)
    for (const row of rows) expect(row).toMatch(/^[A-Z]{2}-[A-Z]-\d{4},[a-z]{2}\.[a-z0-9_]+,\d{13},-?\d+(\.\d{1,4})?,[012]$/)
    const times = rows.map((r) => Number(r.split(',')[2]))
    expect(Math.min(...new Set(times))).toBeGreaterThan(to - 60 * minute)
    expect(Math.max(...new Set(times))).toBeLessThanOrEqual(to)
  })

  it('thins what reports often, and keeps what is left as it was', () => {
    const rows = (everyMs: number) => [...history(world, to - 60 * minute, to, everyMs)].join('').trim().split('\n').slice(1)
    const whole = new Set(rows(0))
    const thin = rows(5 * minute)
    expect(thin.filter((r) => !whole.has(r))).toEqual([])
    expect(thin.length).toBeLessThan(0.8 * whole.size)
    const forebay = thin.filter((r) => r.includes('DR-P-0001,dr.forebay')).map((r) => Number(r.split(',')[2]))
    expect(forebay.slice(1).map((t, i) => t - (forebay[i] ?? 0))).toEqual(Array.from({ length: 11 }, () => 5 * minute))
  })

  it('holds back what a device still keeps', () => {
    const cut = world.sites.find((s) => world.outages.at(s.station, to) && (world.outages.at(s.station, to)?.start ?? 0) > to - 60 * minute)
    const text = [...history(world, to - 120 * minute, to)].join('')
    const start = cut && world.outages.at(cut.station, to)?.start
    if (!cut || start === undefined) throw new Error('no device is cut at that moment')
    const mine = text
      .split('\n')
      .filter((r) => r.startsWith(`${cut.station.code},`))
      .map((r) => Number(r.split(',')[2]))
    expect(mine.every((t) => t < start)).toBe(true)
  })

  it('pours into a file and counts its lines', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'history-'))
    const file = join(folder, 'h.csv')
    const lines = await pour(history(world, to - minute, to), file)
    expect(readFileSync(file, 'utf8').trim().split('\n').length).toBe(lines)
    rmSync(folder, { recursive: true })
  })
})
