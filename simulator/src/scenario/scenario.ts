import type { DomainCode } from '@yiping/contract'
import { hour } from '../city/clock.ts'
import { distanceKm } from '../city/districts.ts'
import type { Station } from '../city/registry.ts'
import { named } from '../random/hash.ts'
import { createStream, type Stream } from '../random/stream.ts'
import { createOverlay } from '../water/overlay.ts'
import type { World } from '../world.ts'
import { measure, type Affected } from './measure.ts'
import type { ScenarioName } from './names.ts'

/** What a scenario really does: the truth that detectors are judged by. Times are epoch ms. */
export interface Label {
  scenario: ScenarioName
  domain: DomainCode
  cause: string
  start: number
  end: number
  /** Where it happens, WGS 84. */
  lon: number
  lat: number
  /** Worst first. */
  affected: Affected[]
}

const at = (s: Station) => [s.lon, s.lat] as const
const near = (stations: readonly Station[], centre: Station, radiusKm: number): { station: Station; km: number }[] =>
  stations
    .map((station) => ({ station, km: distanceKm(at(station), at(centre)) }))
    .filter((n) => n.km <= radiusKm)
    .toSorted((a, b) => a.km - b.km)

type Outline = Omit<Label, 'affected' | 'scenario' | 'start'> & { watch: { station: Station; metric: string }[] }
type Plan = (world: World, stream: Stream, start: number) => Outline | Promise<Outline>

/** L/s per √m: some 250 m³/h at 50 m, a main of DN 250 broken open. */
const orifice = 10

const burst: Plan = async (world, stream, start) => {
  const bind = createOverlay(world.network)
  const { calm, nodes } = world.network
  const gauges = world.city.stations
    .filter((s) => s.kind === 'ws_pressure' || s.kind === 'ws_dma')
    .map((station) => ({ station, ...bind(station) }))
    .filter((g) => g.connected)
  // A place where the burst is felt by a neighbourhood, not by half the city: the best of two dozen.
  const tried = Array.from({ length: 24 }, () => stream.pick(gauges))
  const tables = await world.network.leaking(
    tried.map((g) => g.node),
    orifice,
  )
  const cost = tables.map((table, i) => {
    const lost = (o: { node: number }): number => calm.at(o.node, 1) - table.at(o.node, 1)
    return Math.abs(gauges.filter((o) => lost(o) > 6).length - 12) + Math.abs(lost(tried[i] ?? { node: 0 }) - 24)
  })
  const best = cost.indexOf(Math.min(...cost))
  const [g, table] = [tried[best], tables[best]]
  if (!g || !table) throw new Error('no gauge in the network')
  const loss = (o: { node: number }): number => calm.at(o.node, 1) - table.at(o.node, 1)
  const end = start + 3 * hour
  const pressure = Math.max(0, table.at(g.node, 1))
  world.leaks.push({ node: g.node, table, start, end, dropM: Math.max(1, loss(g)), flowM3h: orifice * Math.sqrt(pressure) * 3.6 })
  const hurt = gauges.filter((o) => loss(o) > 1).toSorted((a, b) => loss(b) - loss(a))
  return {
    domain: 'water',
    cause: `主管爆裂，网络节点 ${nodes[g.node]?.id ?? '?'}`,
    end,
    lon: g.station.lon,
    lat: g.station.lat,
    watch: hurt.flatMap((o) => [
      { station: o.station, metric: 'ws.pressure' },
      { station: o.station, metric: 'ws.flow' },
      ...(o.station.kind === 'ws_pressure' ? [{ station: o.station, metric: 'ws.dp_dt' }] : []),
    ]),
  }
}

const gasLeak: Plan = (world, stream, start) => {
  const core = new Set(['410102', '410103', '410104', '410105'])
  const chambers = world.city.stations.filter((s) => s.kind === 'gs_void' && core.has(s.district))
  // Where a second chamber is within reach of the gas, so that the queue has neighbours.
  const sources = chambers.filter((c) => near(chambers, c, 0.6).length >= 3)
  const source = stream.pick(sources.length > 0 ? sources : chambers)
  const end = start + 2 * hour
  const reached = near(chambers, source, 0.9)
  world.gasLeaks.push({
    start,
    end,
    chambers: new Map(reached.map(({ station, km }) => [station.index, { lel: 62 * Math.exp(-km / 0.28), delayMin: 2 + km * 45 }])),
    services: new Map(
      near(
        world.city.stations.filter((s) => s.kind === 'gs_user' || s.kind === 'gs_regulator'),
        source,
        1.5,
      ).map(({ station, km }) => [station.index, 0.5 * Math.exp(-km / 0.8)]),
    ),
  })
  const services = near(
    world.city.stations.filter((s) => s.kind === 'gs_user'),
    source,
    1.5,
  )
  return {
    domain: 'gas',
    cause: '中压管道泄漏，天然气窜入相邻阀井',
    end,
    lon: source.lon,
    lat: source.lat,
    watch: [
      ...reached.flatMap(({ station }) => [
        { station, metric: 'gs.ch4_lel' },
        { station, metric: 'gs.c2h6' },
      ]),
      ...services.map(({ station }) => ({ station, metric: 'gs.p_low' })),
    ],
  }
}

const storm: Plan = (world, stream, start) => {
  const core = world.city.stations.filter((s) => s.kind === 'dr_underpass' && ['410102', '410103', '410104', '410105'].includes(s.district))
  const eye = stream.pick(core)
  const end = start + 3 * hour
  world.rain.add({
    start,
    end,
    depthMm: stream.between(125, 165),
    centre: at(eye),
    eastKmPerH: stream.normal(1.5, 1),
    northKmPerH: stream.normal(0.5, 1),
    radiusKm: stream.between(8, 12),
  })
  const metrics: Partial<Record<Station['kind'], string[]>> = {
    dr_ponding: ['dr.ponding'],
    dr_underpass: ['dr.underpass', 'dr.rain'],
    dr_pump: ['dr.forebay'],
    dr_pipe: ['dr.fill'],
    dr_outfall: ['dr.river'],
    dr_rain: ['dr.rain'],
  }
  return {
    domain: 'drainage',
    cause: '短时强降雨',
    end: end + 3 * hour,
    lon: eye.lon,
    lat: eye.lat,
    watch: near(world.city.stations, eye, 18).flatMap(({ station }) => (metrics[station.kind] ?? []).map((metric) => ({ station, metric }))),
  }
}

const heatOutage: Plan = (world, stream, start) => {
  const substations = world.city.stations.filter((s) => s.kind === 'ht_station')
  const crowded = substations.filter((s) => near(substations, s, 1.6).length >= 4)
  const broken = stream.pick(crowded.length > 0 ? crowded : substations)
  const end = start + 9 * hour
  const members = near(
    world.city.stations.filter((s) => s.kind === 'ht_station' || s.kind === 'ht_room'),
    broken,
    1.8,
  )
  const source = near(
    world.city.stations.filter((s) => s.kind === 'ht_source'),
    broken,
    200,
  )[0]?.station
  world.heatOutages.push({ start, end, members: new Map(members.map(({ station }) => [station.index, 1])), source: source?.index ?? -1 })
  return {
    domain: 'heating',
    cause: '一次支线爆管，支线停热',
    end: end + 9 * hour,
    lon: broken.lon,
    lat: broken.lat,
    watch: [
      ...members.flatMap(({ station }) =>
        (station.kind === 'ht_room' ? ['ht.room'] : ['ht.t1s', 'ht.p1s', 'ht.flow1', 'ht.power', 'ht.t2s']).map((metric) => ({ station, metric })),
      ),
      ...(source ? [{ station: source, metric: 'ht.makeup_rate' }] : []),
    ],
  }
}

const plans: Record<ScenarioName, Plan> = { burst, 'gas-leak': gasLeak, storm, 'heat-outage': heatOutage }

/** Lets a scenario happen from `start` on, and says what it does to whom. The same seed, name and start do the same. */
export async function startScenario(world: World, name: ScenarioName, start: number): Promise<Label> {
  const stream = createStream(named(world.seed, name), String(start))
  const { watch, ...what } = await plans[name](world, stream, start)
  return { scenario: name, ...what, start, affected: measure(world, watch, start, what.end) }
}
