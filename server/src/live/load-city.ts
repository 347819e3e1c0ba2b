import { counterLimits, dayStart, kpis } from '@yiping/contract'
import {
  loadDistricts,
  loadLatest,
  loadLatestAt,
  loadLatestMarks,
  loadLinks,
  loadMarks,
  loadPipes,
  loadReadings,
  loadRegistry,
  type Queryable,
  type RegisteredStation,
} from '@yiping/db'
import { City } from './city.ts'
import { DayCounter, openingLookBackMs } from './day-counter.ts'

/** How far back a past moment looks for a point's reading: beyond it everything is stale anyway, daily ones included. */
const lookBackMs = 3 * 86_400_000

const dayTotals = kpis.filter((k) => k.aggregate.op === 'day_delta')
const windowMinutes = new Map(kpis.flatMap((k) => (k.aggregate.op === 'window_sum_max' ? [[k.aggregate.metric, k.aggregate.minutes] as const] : [])))

const pointIdsOf = (stations: readonly RegisteredStation[], wanted: (metric: string) => boolean): number[] =>
  stations.filter((s) => s.origin === null).flatMap((s) => s.points.filter((p) => wanted(p.metric)).map((p) => p.id))

/** What the meters counted of the local day of `now`. */
async function countDay(db: Queryable, city: City, zone: string, now: number): Promise<City['counters']> {
  const today = dayStart(now, zone)
  const counters = new Map<number, DayCounter>()
  for (const point of dayTotals.flatMap((k) => city.pointsOf(k.aggregate.metric, k.kinds))) {
    const limits = counterLimits(point.metric)
    if (limits) counters.set(point.id, new DayCounter(limits, today, point.intervalS))
  }
  for (const r of await loadReadings(db, [...counters.keys()], today - openingLookBackMs, now))
    counters.get(r.pointId)?.take({ at: r.observedAt, value: r.value, quality: 'good' })
  return counters
}

const emptyWindows = (stations: readonly RegisteredStation[]): City['windows'] =>
  new Map(pointIdsOf(stations, (m) => windowMinutes.has(m)).map((id) => [id, []]))

async function fillWindows(db: Queryable, windows: City['windows'], now: number): Promise<void> {
  const longest = Math.max(0, ...windowMinutes.values()) * 60_000
  for (const r of await loadReadings(db, [...windows.keys()], now - longest, now)) windows.get(r.pointId)?.push({ observedAt: r.observedAt, value: r.value })
}

/**
 * Counts the local day of the meters from their readings and fills the windows, as of `now`. All of it is worked out
 * anew from what is stored: a restart, a late reading and a past moment come to the same figures.
 */
export async function loadDay(db: Queryable, city: City, stations: readonly RegisteredStation[], zone: string, now: number): Promise<void> {
  city.counters = await countDay(db, city, zone, now)
  city.windows = emptyWindows(stations)
  await fillWindows(db, city.windows, now)
}

/** The city as it is now. */
export async function loadCity(db: Queryable, zone: string, now: number): Promise<{ city: City; stations: RegisteredStation[] }> {
  const stations = await loadRegistry(db)
  const city = new City(stations, await loadDistricts(db), await loadPipes(db))
  for (const reading of await loadLatest(db)) city.apply(reading)
  city.applyMarks(await loadLatestMarks(db))
  city.links = await loadLinks(db)
  await loadDay(db, city, stations, zone, now)
  return { city, stations }
}

/** The city as it was at `at`, as far as its readings are known today; what is registered is read, or taken from who has it. */
export async function loadCityAt(db: Queryable, zone: string, at: number, registered?: City): Promise<City> {
  const stations = registered?.stations.map((s) => s.registered) ?? (await loadRegistry(db))
  const city = new City(stations, registered?.districts ?? (await loadDistricts(db)), registered?.pipes ?? (await loadPipes(db)))
  const points = stations.flatMap((s) => s.points)
  const windows = emptyWindows(stations)
  const [readings, counters] = await Promise.all([loadLatestAt(db, points, at, lookBackMs), countDay(db, city, zone, at), fillWindows(db, windows, at)])
  for (const reading of readings) city.apply(reading)
  const uncertain = readings.filter((r) => r.quality === 'uncertain')
  if (uncertain.length > 0) city.applyMarks(await loadMarks(db, uncertain))
  // After what was the newest then, which is among them.
  Object.assign(city, { counters, windows })
  return city
}

/** Drops window samples that no sum can need any more. */
export function pruneWindows(city: City, now: number): void {
  for (const [id, samples] of city.windows) {
    const minutes = windowMinutes.get(city.point(id)?.metric.code ?? '') ?? 0
    const keep = samples.findIndex((s) => s.observedAt > now - minutes * 60_000)
    if (keep !== 0) samples.splice(0, keep < 0 ? samples.length : keep)
  }
}
