import { beforeAll, describe, expect, it } from 'vitest'
import { metricByCode } from '@yiping/contract'
import { distanceKm } from '../src/city/districts.ts'
import { startScenario, type Label } from '../src/scenario/scenario.ts'
import { createWorld, type Sensor, type World } from '../src/world.ts'

const zone = 'Asia/Shanghai'
const at = (iso: string) => Date.parse(iso)
const noon = at('2026-11-23T12:00:00+08:00')
const minute = 60_000
const hour = 60 * minute

/** A sensor by station code and metric. */
const sensor = (world: World, code: string, metric: string): Sensor => {
  const site = world.sites.find((s) => s.station.code === code)
  const found = site?.sensors.find((s) => s.metric.code === metric)
  if (!found) throw new Error(`no ${code} ${metric}`)
  return found
}
const values = (world: World, metric: string, t: number, kind?: string): number[] =>
  world.sites
    .filter((s) => kind === undefined || s.station.kind === kind)
    .flatMap((s) => s.sensors.filter((x) => x.metric.code === metric).map((x) => x.value(t)))
const mean = (xs: readonly number[]) => xs.reduce((a, b) => a + b, 0) / xs.length

/** The city in which nothing happens. */
let calm: World
beforeAll(async () => {
  calm = await createWorld({ seed: 1, zone })
}, 30_000)

describe('one life of the city', { timeout: 30_000 }, () => {
  let world: World
  beforeAll(() => {
    world = calm
  })

  it('is the same again from the same seed, and another from another', async () => {
    const twin = await createWorld({ seed: 1, zone })
    const other = await createWorld({ seed: 2, zone })
    // Asked in another order, so that nothing can hang on what was asked before.
    const all = (w: World, times: number[]) =>
      new Map(
        times.flatMap((t) =>
          w.sites.filter((_, i) => i % 5 === 0).flatMap((s) => s.sensors.map((x) => [`${s.station.code} ${x.metric.code} ${t}`, x.value(t)] as const)),
        ),
      )
    const times = [noon, noon - 30 * hour, noon + 5 * hour]
    const a = all(world, times)
    const b = all(twin, times.toReversed())
    expect([...a].filter(([k, v]) => b.get(k) !== v)).toEqual([])
    const c = all(other, times)
    expect([...a].filter(([k, v]) => c.get(k) !== v).length).toBeGreaterThan(a.size / 2)
  })

  it('reads nothing that a sensor cannot read, in any season', () => {
    for (const t of [noon, at('2026-07-20T18:00:00+08:00'), at('2027-01-15T06:30:00+08:00'), at('2026-04-01T00:00:00+08:00')])
      for (const s of world.sites)
        for (const x of s.sensors) {
          const v = x.value(t)
          expect(Number.isFinite(v) && v >= x.metric.physical.min && v <= x.metric.physical.max, `${s.station.code} ${x.metric.code} ${v}`).toBe(true)
        }
  })

  it('looks like a city of ten million on a calm evening', () => {
    const t = at('2026-11-23T20:00:00+08:00')
    const midnight = at('2026-11-23T00:00:00+08:00')
    const share = (xs: number[], ok: (x: number) => boolean) => (100 * xs.filter(ok).length) / xs.length
    const sum = (metric: string, kind: string, when: number) => values(world, metric, when, kind).reduce((a, b) => a + b, 0)
    const supplied = sum('ws.volume', 'ws_plant', t) - sum('ws.volume', 'ws_plant', midnight)
    expect(supplied).toBeGreaterThan(400_000)
    expect(supplied).toBeLessThan(1_200_000)
    const pressures = [...values(world, 'ws.pressure', t, 'ws_pressure'), ...values(world, 'ws.pressure', t, 'ws_dma')]
    expect(share(pressures, (p) => p >= 0.14 && p <= 0.5)).toBeGreaterThanOrEqual(97)
    expect(share(pressures, (p) => p >= 0.14 && p <= 0.5)).toBeLessThan(100)
    expect(share(values(world, 'gs.p_reg_out', t), (p) => p >= 2.2 && p <= 3)).toBeGreaterThanOrEqual(97)
    expect(Math.max(...values(world, 'gs.ch4_lel', t))).toBeLessThan(5)
    const rooms = values(world, 'ht.room', t)
    expect(share(rooms, (r) => r >= 18)).toBeGreaterThanOrEqual(97)
    expect(rooms.filter((r) => r < 18).length).toBeGreaterThan(0)
    expect(Math.min(...values(world, 'ws.cl_end', t))).toBeGreaterThan(0.05)
    expect(Math.max(...values(world, 'ws.turbidity', t))).toBeLessThan(1)
    expect(mean(values(world, 'ws.leak_rate', t))).toBeLessThan(9)
  })

  it('agrees with itself: meters advance by the flow that passes', () => {
    const plant = world.sites.find((s) => s.station.kind === 'ws_plant')
    const flow = plant?.sensors.find((s) => s.metric.code === 'ws.flow')
    const volume = plant?.sensors.find((s) => s.metric.code === 'ws.volume')
    if (!flow || !volume) throw new Error('no plant')
    const passed = mean(Array.from({ length: 180 }, (_, i) => flow.value(noon + i * 2 * minute))) * 6
    expect((volume.value(noon + 6 * hour) - volume.value(noon)) / passed).toBeCloseTo(1, 2)
  })

  it('never lets a meter run backwards, whoever asks first', () => {
    for (const s of world.sites)
      for (const x of s.sensors.filter((x) => x.metric.kind === 'counter')) {
        let before = 0
        for (let t = noon - 36 * hour; t <= noon + 36 * hour; t += 3 * hour) {
          const v = x.value(t)
          expect(v, `${s.station.code} ${x.metric.code}`).toBeGreaterThanOrEqual(before)
          before = v
        }
      }
  })

  it('drinks little at night, cooks three times a day', () => {
    const flow = (iso: string) => mean(values(world, 'ws.flow', at(iso), 'ws_dma'))
    expect(flow('2026-11-23T03:30:00+08:00')).toBeLessThan(0.6 * flow('2026-11-23T19:45:00+08:00'))
    const pressure = (iso: string) => mean(values(world, 'ws.pressure', at(iso), 'ws_pressure'))
    expect(pressure('2026-11-23T03:30:00+08:00')).toBeGreaterThan(pressure('2026-11-23T19:45:00+08:00'))
    const gas = (iso: string) => mean(values(world, 'gs.flow', at(iso), 'gs_gate'))
    expect(gas('2026-11-23T18:20:00+08:00')).toBeGreaterThan(1.2 * gas('2026-11-23T15:00:00+08:00'))
  })

  it('heats more when it is cold, by the curve, and not at all in summer', () => {
    const days = Array.from({ length: 60 }, (_, i) => at('2026-12-01T03:00:00+08:00') + i * 24 * hour)
    const byCold = days.toSorted((a, b) => world.temperature.damped(a) - world.temperature.damped(b))
    const [coldest = 0, mildest = 0] = [byCold[0], byCold.at(-1)]
    const load = (t: number) => mean(values(world, 'ht.power', t, 'ht_source'))
    const supply = (t: number) => mean(values(world, 'ht.t1s', t, 'ht_source'))
    expect(world.temperature.damped(mildest) - world.temperature.damped(coldest)).toBeGreaterThan(3)
    expect(load(coldest)).toBeGreaterThan(1.15 * load(mildest))
    expect(supply(coldest)).toBeGreaterThan(supply(mildest) + 5)
    const july = at('2026-07-15T12:00:00+08:00')
    expect(load(july)).toBe(0)
    expect(mean(values(world, 'ht.flow1', july))).toBe(0)
    expect(mean(values(world, 'ht.room', july))).toBeGreaterThan(22)
    expect(mean(values(world, 'ht.room', mildest))).toBeGreaterThan(19)
  })

  it('carries the heat that it counts: power = flow × temperature difference', () => {
    const s = world.sites.find((s) => s.station.code === 'HT-S-0010')
    const v = (metric: string) => sensor(world, s?.station.code ?? '', metric).value(noon)
    const gj = (v('ht.flow1') * (v('ht.t1s') - v('ht.t1r')) * 4.19 * 970) / 1e6
    expect(gj / v('ht.power')).toBeGreaterThan(0.94)
    expect(gj / v('ht.power')).toBeLessThan(1.06)
  })

  it('has one to three devices in a hundred off line, and some instruments at fault', () => {
    const down = [0, 7, 14, 21, 28].map((h) => world.sites.filter((s) => world.outages.at(s.station, noon + h * hour)).length / world.sites.length)
    expect(mean(down)).toBeGreaterThan(0.008)
    expect(mean(down)).toBeLessThan(0.03)
    const stuck = world.sites
      .flatMap((s) => s.sensors)
      .filter((x) => x.metric.code === 'ws.flow' && new Set([0, 7, 13, 29].map((m) => x.value(noon + m * minute))).size === 1)
    expect(stuck.length).toBeLessThan(20)
    const drowned = world.sites.filter((s) => s.sensors.some((x) => x.metric.code === 'gs.ch4_lel' && x.quality(noon) === 2))
    expect(drowned.length).toBeGreaterThan(0)
    for (const s of drowned) expect(s.sensors.find((x) => x.metric.code === 'gs.well_water')?.value(noon)).toBeGreaterThan(0.85)
  })
})

describe('a scenario', { timeout: 30_000 }, () => {
  const play = async (name: Parameters<typeof startScenario>[1], start: number, seed = 1): Promise<{ world: World; label: Label }> => {
    const world = await createWorld({ seed, zone })
    return { world, label: await startScenario(world, name, start) }
  }
  const place = (world: World, code: string) => {
    const s = world.city.stations.find((s) => s.code === code)
    if (!s) throw new Error(code)
    return s
  }

  it('burst: EPANET takes pressure from the neighbours, hardly from the other end of the city', async () => {
    const { world, label } = await play('burst', noon)
    const t = noon + 20 * minute
    const gauges = world.city.stations.filter((s) => s.kind === 'ws_pressure' && s.district.startsWith('41010'))
    const drops = gauges
      .map((s) => ({
        km: distanceKm([s.lon, s.lat], [label.lon, label.lat]),
        drop: sensor(calm, s.code, 'ws.pressure').value(t) - sensor(world, s.code, 'ws.pressure').value(t),
      }))
      .toSorted((a, b) => a.km - b.km)
    const near = mean(drops.slice(0, 5).map((d) => d.drop))
    const far = mean(drops.slice(-100).map((d) => d.drop))
    expect(near).toBeGreaterThan(0.05)
    expect(far).toBeLessThan(near / 8)
    const worst = label.affected.filter((a) => a.metric === 'ws.pressure' && a.expected !== null)
    expect(worst.length).toBeGreaterThan(2)
    expect(worst[0]?.expected).toBeLessThanOrEqual(2)
    // Before it starts, and when it is repaired, nothing differs.
    const [first] = worst
    if (!first) throw new Error('nobody affected')
    for (const same of [noon - minute, label.end + hour])
      expect(sensor(world, first.station, 'ws.pressure').value(same)).toBe(sensor(calm, first.station, 'ws.pressure').value(same))
    expect(Math.max(...label.affected.filter((a) => a.metric === 'ws.dp_dt').map((a) => a.change))).toBeGreaterThan(20)
  })

  it('gas-leak: methane with ethane, highest next to the break, later and thinner further away', async () => {
    const { world, label } = await play('gas-leak', noon)
    const reached = label.affected.filter((a) => a.metric === 'gs.ch4_lel')
    expect(reached[0]?.expected).toBe(1)
    const t = noon + 100 * minute
    const lel = reached.map((a) => ({
      km: distanceKm([place(world, a.station).lon, place(world, a.station).lat], [label.lon, label.lat]),
      v: sensor(world, a.station, 'gs.ch4_lel').value(t),
    }))
    const sorted = lel.toSorted((a, b) => a.km - b.km)
    // Noise and sewer gas blur it by a %LEL or two.
    for (const [i, l] of sorted.slice(1).entries()) expect(l.v).toBeLessThanOrEqual((sorted[i]?.v ?? 0) + 3)
    expect(sensor(world, reached[0]?.station ?? '', 'gs.c2h6').value(t)).toBeGreaterThan(100)
  })

  it('storm: rain fills roads, underpasses, sewers and sumps, and pumps start', async () => {
    const { world, label } = await play('storm', noon)
    const t = noon + 110 * minute
    const hit = (metric: string) => label.affected.filter((a) => a.metric === metric).length
    for (const metric of ['dr.rain', 'dr.ponding', 'dr.underpass', 'dr.fill', 'dr.forebay', 'dr.river']) expect(hit(metric), metric).toBeGreaterThan(0)
    expect(label.affected[0]?.expected).toBe(1)
    const on = (w: World) => values(w, 'dr.pump', t).filter((v) => v === 1).length
    expect(on(world)).toBeGreaterThan(on(calm) + 8)
    const rained = (w: World) => mean(values(w, 'dr.rain', t, 'dr_rain'))
    expect(rained(calm)).toBe(0)
    expect(rained(world)).toBeGreaterThan(0)
    // The gauges' reports add up to what fell: the eye gets what the event holds, more or less.
    const eye = world.sites
      .filter((s) => s.station.kind === 'dr_rain')
      .map((s) => {
        let mm = 0
        for (let m = 0; m <= 200; m += 5) mm += s.sensors[0]?.value(noon + m * minute) ?? 0
        return mm
      })
    expect(Math.max(...eye)).toBeGreaterThan(60)
    expect(Math.max(...eye)).toBeLessThan(200)
    // Water goes where it drains to: half a day later the roads are dry.
    expect(Math.max(...values(world, 'dr.ponding', label.end + 12 * hour))).toBeLessThan(5)
  })

  it('heat-outage: no flow behind the break, rooms cool slowly and recover, the meter stands still', async () => {
    const { world, label } = await play('heat-outage', noon)
    const station = label.affected.find((a) => a.metric === 'ht.flow1')?.station ?? ''
    const v = (w: World, metric: string, t: number) => sensor(w, station, metric).value(t)
    const t = noon + 6 * hour
    expect(v(world, 'ht.flow1', t)).toBeLessThan(0.1)
    expect(v(world, 'ht.t1s', t)).toBeLessThan(v(calm, 'ht.t1s', t) - 30)
    expect(v(world, 'ht.energy', t) - v(world, 'ht.energy', noon + hour)).toBeLessThan(0.3)
    expect(v(world, 'ht.energy', label.end + hour)).toBeGreaterThanOrEqual(v(world, 'ht.energy', t))
    const room = label.affected.find((a) => a.metric === 'ht.room')?.station
    if (room !== undefined) {
      const cold = sensor(world, room, 'ht.room').value(noon + 8.5 * hour)
      expect(cold).toBeLessThan(sensor(calm, room, 'ht.room').value(noon + 8.5 * hour) - 1)
      expect(sensor(world, room, 'ht.room').value(noon + 48 * hour)).toBeGreaterThan(cold)
    }
    expect(label.affected.some((a) => a.metric === 'ht.makeup_rate' && a.change > 0.5)).toBe(true)
  })

  it('does the same to the same seed and start', async () => {
    const [a, b] = await Promise.all([play('gas-leak', noon), play('gas-leak', noon)])
    expect(a.label).toEqual(b.label)
  })

  it('labels name real points and expect only severities that their limits have', async () => {
    const { world, label } = await play('storm', noon, 3)
    for (const a of label.affected) {
      sensor(world, a.station, a.metric)
      if (a.expected !== null) expect(metricByCode.get(a.metric)?.thresholds.map((t) => t.severity)).toContain(a.expected)
    }
  })
})
