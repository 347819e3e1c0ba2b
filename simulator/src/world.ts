import { metricByCode, type Metric } from '@yiping/contract'
import { createLocalClock, type LocalClock } from './city/clock.ts'
import { clamp } from './city/curve.ts'
import { buildCity, type City, type Station } from './city/registry.ts'
import { throughInstrument } from './device/fault.ts'
import type { Modeller, QualitySignal, Signal, Surroundings } from './device/model.ts'
import { createOutages, type Outages } from './device/outage.ts'
import { createDrainage } from './drainage/drainage.ts'
import { createGas } from './gas/gas.ts'
import type { GasLeak } from './gas/leak.ts'
import { createHeating } from './heating/heating.ts'
import type { HeatOutage } from './heating/outage.ts'
import { derive, named } from './random/hash.ts'
import { createWater } from './water/water.ts'
import type { Leak } from './water/leak.ts'
import { loadNetwork, type Network } from './water/network.ts'
import { createRain, type Rain } from './weather/rain.ts'
import { createTemperature, type Temperature } from './weather/temperature.ts'

/** One point: what its device would report at any moment. */
export interface Sensor {
  metric: Metric
  /** Rounded to the metric's decimals, within what a sensor can physically read. */
  value: Signal
  quality: QualitySignal
}
export interface Site {
  station: Station
  sensors: readonly Sensor[]
}

/** The whole city as a function of (seed, time), and of the incidents that scenarios add to it. */
export interface World {
  seed: number
  city: City
  sites: readonly Site[]
  outages: Outages
  clock: LocalClock
  temperature: Temperature
  rain: Rain
  network: Network
  leaks: Leak[]
  gasLeaks: GasLeak[]
  heatOutages: HeatOutage[]
}

const good: QualitySignal = () => 0

export async function createWorld(options: { seed: number; zone: string }): Promise<World> {
  const { seed } = options
  const city = buildCity()
  const clock = createLocalClock(options.zone)
  const temperature = createTemperature(seed, clock)
  const rain = createRain(seed, clock)
  const network = await loadNetwork()
  const surroundings: Surroundings = { seed, clock, temperature, rain }
  const leaks: Leak[] = []
  const gasLeaks: GasLeak[] = []
  const heatOutages: HeatOutage[] = []
  const modellers: Record<Station['domain'], Modeller> = {
    water: createWater(surroundings, network, leaks),
    gas: createGas(surroundings, gasLeaks),
    heating: createHeating(surroundings, heatOutages),
    drainage: createDrainage(surroundings),
  }
  const faults = named(seed, 'instrument')

  const site = (station: Station): Site => {
    const model = modellers[station.domain](station)
    return {
      station,
      sensors: station.metrics.map((code, i): Sensor => {
        const metric = metricByCode.get(code)
        const truth = model.signals[code]
        if (!metric || !truth) throw new Error(`${station.kind} has no signal for ${code}`)
        const shown = throughInstrument(derive(derive(faults, station.index), i), metric, truth)
        const scale = 10 ** metric.decimals
        const { min, max } = metric.physical
        return { metric, value: (t) => clamp(Math.round(shown(t) * scale) / scale, min, max), quality: model.quality?.[code] ?? good }
      }),
    }
  }
  return {
    seed,
    city,
    clock,
    temperature,
    rain,
    network,
    leaks,
    gasLeaks,
    heatOutages,
    sites: city.stations.map(site),
    outages: createOutages(seed),
  }
}
