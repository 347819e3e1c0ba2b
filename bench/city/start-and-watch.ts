import { signIn } from '../../server/test/signed-in.ts'
import { setTimeout as delay } from 'node:timers/promises'
import type { Browser } from 'playwright-core'
import { openPage } from '../browser/open-page.ts'
import { bucketsOf, type FrameCells, newestKpi, watchCells } from '../browser/watch-cells.ts'
import { liveFigure } from '../browser/wall.ts'
import type { Scope } from '../scope.ts'
import { until } from '../until.ts'
import { type BenchCity, startCity } from './start-city.ts'

/** From the command on, ms. */
export interface StartTimes {
  addressMs: number
  /** A KPI on the screen shows a number that came through MQTT in this start. */
  liveMs: number
  figure: string
  /** The wall's water line has 24 h; null when it was not waited for. */
  pastMs: number | null
  /** The past is filled to its end, roll-ups and all. */
  filledMs: number | null
}

/** Of 288 five-minute buckets in 24 h: devices are silent at times, and the last bucket is not whole yet. */
export const bucketsOfADay = 250
const withinMs = 480_000

/**
 * Starts the city and opens the wall as soon as its address answers. What was observed before `observedAfter` may come
 * out of the database and does not count as live.
 */
export async function startAndWatch(
  scope: Scope,
  browser: Browser,
  say: (line: string) => void,
  options: { dataDir: string; observedAfter: number; untilPast: boolean },
): Promise<{ city: BenchCity; times: StartTimes }> {
  const page = await openPage(scope, browser, null)
  const cells: FrameCells = watchCells(page)
  const city = await startCity(scope, { dataDir: options.dataDir })
  await signIn(page.context(), city.address)
  const since = (): number => Date.now() - city.startedAt
  const addressMs = since()
  await page.goto(`${city.address}/`, { waitUntil: 'commit' })
  await until('a live KPI reaches the page', () => newestKpi(cells) > options.observedAfter, withinMs, 10)
  const figure = await liveFigure(page, withinMs)
  const liveMs = since()
  say(`first live value after ${(liveMs / 1000).toFixed(1)} s (${figure}); address after ${(addressMs / 1000).toFixed(1)} s`)
  const times: StartTimes = { addressMs, liveMs, figure, pastMs: null, filledMs: null }
  if (options.untilPast) {
    await until('24 h on the water line', () => bucketsOf(cells, 'trend:water') >= bucketsOfADay, withinMs)
    times.pastMs = since()
    say(`24 h of past after ${(times.pastMs / 1000).toFixed(1)} s`)
    await until('the past is filled', async () => !(await city.fillsPast()), withinMs, 250)
    times.filledMs = since()
    // The last roll-ups reach the page before the city is judged or stopped.
    await delay(1000)
  }
  await page.close()
  return { city, times }
}
