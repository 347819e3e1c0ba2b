import { exceeded } from '@yiping/contract'
import type { Label } from '../../simulator/src/scenario/scenario.ts'
import type { World } from '../../simulator/src/world.ts'
import type { Rang } from './city.ts'

/**
 * What an alarm was about.
 *
 * | incident   | a station that the scenario changes, from its start to an hour after its end                          |
 * | instrument | the sensor was stuck or drifting                                                                      |
 * | weather    | drainage within six hours of rain at the place                                                        |
 * | condition  | the healthy sensor's own value stays beyond a limit of the catalogue, or a pump is at fault: true, no incident |
 * | false      | none of these                                                                                         |
 */
export type Verdict = 'incident' | 'instrument' | 'weather' | 'condition' | 'false'
const hour = 3_600_000

export function judge(world: World, label: Label | null, alarm: Rang): Verdict {
  const stations = new Set(label?.affected.map((a) => a.station))
  if (label !== null && stations.has(alarm.station) && alarm.at >= label.start && alarm.at <= label.end + hour) return 'incident'
  if (alarm.instrument) return 'instrument'
  const site = world.sites.find((s) => s.station.code === alarm.station)
  if (alarm.domain === 'drainage' && site && wetBefore(world, site.station.lon, site.station.lat, alarm.at)) return 'weather'
  const sensor = site?.sensors.find((s) => s.metric.code === alarm.metric)
  if (sensor?.metric.kind === 'state') return sensor.value(alarm.at) === 2 ? 'condition' : 'false'
  // Beyond a limit for a while, not for one sample of noise.
  if (sensor && [0, 5, 10].every((m) => exceeded(sensor.metric, sensor.value(alarm.at + m * 60_000)) !== null)) return 'condition'
  return 'false'
}

function wetBefore(world: World, lon: number, lat: number, at: number): boolean {
  for (let t = at; t > at - 6 * hour; t -= 10 * 60_000) if (world.rain.intensity(t, [lon, lat]) > 0.1) return true
  return false
}
