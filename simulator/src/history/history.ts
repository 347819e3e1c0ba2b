import { day } from '../city/clock.ts'
import { normalGroups } from '../device/emission.ts'
import { restartMs } from '../device/outage.ts'
import { lastUpTo, nextAfter } from '../device/schedule.ts'
import type { World } from '../world.ts'

export const historyHeader = 'station,metric,observed_at_ms,value,quality\n'

/**
 * The past as CSV: every point at its normal interval in (from, to], day by day and within a day station by station.
 * What devices hold back in an outage that is still open at `to` is left out: the live city sends it when the link is
 * back. Values need no quoting. `everyMs` thins points that report more often than that, as a device's cache does. With
 * `beforeLive` it ends where a city that begins to live at `to` says everything itself: the last minutes, and before them
 * the last report of each point.
 */
export function* history(world: World, from: number, to: number, everyMs = 0, beforeLive = false): Generator<string> {
  yield historyHeader
  const groups = world.sites.map(normalGroups)
  const last = beforeLive ? to - restartMs : to
  const heldBackSince = world.sites.map(({ station }) => (world.outages.at(station, to) ?? world.outages.at(station, last))?.start ?? last + 1)
  for (let start = from; start < to; ) {
    const end = Math.min(to, (Math.floor(start / day) + 1) * day)
    for (const [i, site] of world.sites.entries()) {
      const held = heldBackSince[i] ?? last + 1
      let text = ''
      for (const group of groups[i] ?? []) {
        const until = beforeLive ? lastUpTo(group.grid, Math.min(last, held - 1)) : held
        for (const sensor of group.sensors) {
          const head = `${site.station.code},${sensor.metric.code},`
          const stepMs = group.grid.intervalMs * Math.max(1, Math.ceil(everyMs / group.grid.intervalMs))
          for (let t = nextAfter({ ...group.grid, intervalMs: stepMs }, start); t <= end && t < until; t += stepMs) {
            text += `${head}${t},${sensor.value(t)},${sensor.quality(t)}\n`
          }
        }
      }
      if (text !== '') yield text
    }
    start = end
  }
}
