import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { telemetryLimits } from '@yiping/contract'
import { createLink, type Link } from '../src/publish/link.ts'
import { createLive, type Live } from '../src/publish/live.ts'
import { createPace } from '../src/publish/pace.ts'
import { history } from '../src/history/history.ts'
import { startScenario } from '../src/scenario/scenario.ts'
import { createWorld, type World } from '../src/world.ts'
import { listen, silent, startBroker, type Broker } from './broker.ts'

const noon = Date.parse('2026-11-23T12:00:00+08:00')
const minute = 60_000
let world: World
let broker: Broker
let link: Link
let ear: Awaited<ReturnType<typeof listen>>

beforeAll(async () => {
  world = await createWorld({ seed: 1, zone: 'Asia/Shanghai' })
})
beforeEach(async () => {
  broker = await startBroker()
  ear = await listen(broker.url)
  link = createLink({ url: broker.url, log: silent })
  await link.connected
})
afterEach(async () => {
  await link.stop()
  await ear.stop()
  await broker.stop()
})
afterAll(() => {
  world.leaks.length = 0
})

/** Runs city time from `from` (exclusive) to `to` in steps, waiting for the broker after each: no clock, no sleeps. */
async function run(live: Live, from: number, to: number, stepMs = 15_000): Promise<void> {
  for (let t = from + stepMs; t <= to; t += stepMs) {
    live.tick(t)
    await link.drained()
  }
}
/** Until everything that was acknowledged has also been heard. */
const settled = (live: Live) => ear.until(() => ear.heard.length >= live.stats().readings)
const key = (r: { station: string; metric: string; ts: number }) => `${r.station} ${r.metric} ${r.ts}`

describe('the running city', () => {
  it('says everything that is due, once, spread over time, and nothing of the future', async () => {
    const live = createLive(world, link, noon)
    const to = noon + 5 * minute
    for (let t = noon + 1000; t <= to; t += 1000) {
      const before = ear.heard.length
      live.tick(t)
      await link.drained()
      await settled(live)
      for (const r of ear.heard.slice(before)) expect(r.ts).toBeLessThanOrEqual(t)
    }
    const keys = ear.heard.map(key)
    expect(new Set(keys).size).toBe(keys.length)
    const down = world.sites.filter((s) => world.outages.at(s.station, noon) ?? world.outages.at(s.station, to))
    expect(new Set(ear.heard.map((r) => r.station)).size).toBeGreaterThanOrEqual(world.sites.length - down.length)
    // Live load is even: no second of the later minutes says more than a few times the mean.
    const perSecond = new Map<number, number>()
    for (const r of ear.heard.filter((r) => r.ts > noon)) perSecond.set(r.ts, (perSecond.get(r.ts) ?? 0) + 1)
    const counts = [...perSecond.values()]
    expect(Math.max(...counts)).toBeLessThan(8 * (counts.reduce((a, b) => a + b, 0) / 300))
    expect(Math.max(...ear.messages.map((m) => m.bytes))).toBeLessThan(telemetryLimits.maxMessageBytes)
    expect(Math.max(...ear.messages.map((m) => m.readings))).toBeLessThan(telemetryLimits.maxReadingsPerMessage)
    expect(ear.messages.some((m) => m.topic === 'v1/gateway/telemetry')).toBe(true)
    expect(ear.heard.some((r) => r.quality === 'bad' && r.metric === 'gs.ch4_lel')).toBe(true)
  })

  it('goes on after a restart without a jump: the same moments have the same values as the past that --history wrote', async () => {
    const past = new Map<string, number>()
    for (const chunk of history(world, noon - 20 * minute, noon + 5 * minute))
      for (const line of chunk
        .trim()
        .split('\n')
        .slice(chunk.startsWith('station,') ? 1 : 0)) {
        const [station, metric, ts, value] = line.split(',')
        past.set(`${station} ${metric} ${ts}`, Number(value))
      }
    // Another process: the same seed, but a world that was never asked anything.
    const again = await createWorld({ seed: 1, zone: 'Asia/Shanghai' })
    const live = createLive(again, link, noon)
    await run(live, noon, noon + 5 * minute)
    await settled(live)
    const heard = new Map(ear.heard.map((r) => [key(r), r.value]))
    const held = new Set(world.sites.filter((s) => world.outages.at(s.station, noon + 5 * minute)).map((s) => s.station.code))
    const due = [...past].filter(([k]) => Number(k.split(' ')[2]) > noon - 10 * minute && !held.has(k.split(' ')[0] ?? ''))
    expect(due.length).toBeGreaterThan(20_000)
    expect(due.filter(([k, v]) => heard.get(k) !== v).slice(0, 5)).toEqual([])
  })

  it('begins where a past that was written before it ends: no row twice, none between', async () => {
    const keys = (beforeLive: boolean) =>
      [...history(world, noon - 90 * minute, noon, 0, beforeLive)]
        .join('')
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => line.split(',').slice(0, 3).join(' '))
    const written = new Set(keys(true))
    const live = createLive(world, link, noon)
    await run(live, noon, noon + 5 * minute)
    await settled(live)
    const heard = new Set(ear.heard.map(key))
    expect(written.size).toBeGreaterThan(50_000)
    expect([...heard].filter((k) => written.has(k)).slice(0, 5)).toEqual([])
    const held = new Set(world.sites.filter((s) => world.outages.at(s.station, noon)).map((s) => s.station.code))
    const due = keys(false).filter((k) => !held.has(k.split(' ')[0] ?? ''))
    expect(due.filter((k) => !written.has(k) && !heard.has(k)).slice(0, 5)).toEqual([])
  })

  it('keeps what a device measures while its link is down, and sends it late in one piece', async () => {
    const site = world.sites.find((s) => {
      const o = s.station.gateway === null && s.station.kind === 'ws_pressure' ? world.outages.at(s.station, noon) : null
      return o !== null && o.end - o.start > 30 * minute && o.end < noon + 300 * minute
    })
    if (!site) throw new Error('no such outage')
    const outage = world.outages.at(site.station, noon)
    if (!outage) throw new Error('no outage')
    const live = createLive(world, link, outage.end - 12 * minute)
    await run(live, outage.end - 12 * minute, outage.end - minute, 30_000)
    await settled(live)
    const mine = () => ear.heard.filter((r) => r.station === site.station.code)
    expect(mine()).toEqual([])
    await run(live, outage.end - minute, outage.end + minute, 30_000)
    await settled(live)
    const late = mine().filter((r) => r.metric === 'ws.pressure' && r.ts < outage.end)
    expect(late.length).toBeGreaterThanOrEqual(Math.floor((outage.end - outage.start) / (5 * minute)))
    expect(late.every((r) => r.batch)).toBe(true)
    expect(late[0]?.ts).toBeLessThan(outage.start + 5 * minute)
    expect(late.map((r) => r.ts)).toEqual(late.map((r) => r.ts).toSorted((a, b) => a - b))
    expect(live.stats().backfilled).toBeGreaterThan(0)
  })

  it('loses nothing while the broker is away: everything due arrives when it is back', async () => {
    const live = createLive(world, link, noon)
    await run(live, noon, noon + 2 * minute, 30_000)
    await settled(live)
    const heardBefore = ear.heard.map(key)
    await ear.stop()
    await broker.stop()
    for (let t = noon + 2 * minute; t <= noon + 40 * minute; t += 30_000) live.tick(t)
    expect(live.stats().inArrears).toBeGreaterThan(2000)
    expect(link.stats().inFlight).toBeLessThanOrEqual(500)
    broker = await startBroker(broker.port)
    ear = await listen(broker.url)
    await link.roomAgain()
    const to = noon + 42 * minute
    await run(live, to - 2 * minute, to, 2000)
    expect(live.stats().inArrears).toBeLessThan(80)
    await ear.until(() => ear.heard.length >= live.stats().readings - heardBefore.length)
    const heard = new Set([...heardBefore, ...ear.heard.map(key)])
    const linked = new Set(world.sites.filter((s) => !world.outages.at(s.station, to)).map((s) => s.station.code))
    const missing: string[] = []
    for (const chunk of history(world, noon + 3 * minute, noon + 39 * minute))
      for (const line of chunk.trim().split('\n')) {
        const [station = '', metric = '', ts = ''] = line.split(',')
        if (linked.has(station) && !heard.has(`${station} ${metric} ${ts}`)) missing.push(line)
      }
    expect(heard.size).toBeGreaterThan(70_000)
    expect(missing.slice(0, 5)).toEqual([])
    expect(live.stats().lost).toBe(0)
  }, 90_000)

  it('speaks every minute in place of every half hour while gas is beyond a limit', async () => {
    const leaking = await createWorld({ seed: 1, zone: 'Asia/Shanghai' })
    const label = await startScenario(leaking, 'gas-leak', noon)
    const worst = label.affected[0]?.station
    const live = createLive(leaking, link, noon + 40 * minute)
    await run(live, noon + 40 * minute, noon + 50 * minute, 30_000)
    await settled(live)
    const said = ear.heard.filter((r) => r.station === worst && r.metric === 'gs.ch4_lel' && r.ts > noon + 40 * minute)
    expect(said.length).toBeGreaterThanOrEqual(9)
    expect(Math.min(...said.map((r) => r.value))).toBeGreaterThan(20)
  })
})

describe('city time', () => {
  it('runs N times as fast until it meets the clock, and never passes it', () => {
    for (const speed of [1, 7, 600, 1e6]) {
      const pace = createPace(noon - 24 * 60 * minute, speed, noon)
      let before = Number.NEGATIVE_INFINITY
      for (let clock = noon; clock < noon + 60 * minute; clock += 777) {
        const t = pace(clock)
        expect(t).toBeLessThanOrEqual(clock)
        expect(t).toBeGreaterThanOrEqual(before)
        before = t
      }
      if (speed >= 600) expect(pace(noon + 10 * minute)).toBe(noon + 10 * minute)
      if (speed === 1) expect(pace(noon + 10 * minute)).toBe(noon - 24 * 60 * minute + 10 * minute)
    }
  })
})
