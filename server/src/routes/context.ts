import type { Tier } from '@yiping/contract'
import { loadAlarmCountsAt, type Pool, type ReadPool } from '@yiping/db'
import { noAlarms } from '../live/alarms.ts'
import type { City } from '../live/city.ts'
import { survey, type Survey } from '../live/compute-cells.ts'
import type { Live } from '../live/live.ts'
import { loadCityAt } from '../live/load-city.ts'
import { ProblemError } from '../plugins/problem.ts'
import type { ReadDatabase } from '../replica/read-database.ts'
import type { DomainAlarms } from './answers.ts'
import { timeIn } from './time.ts'

/** What every route gets. */
export interface RouteContext {
  live: Live
  /** For what changes something, and for what must be seen at once. */
  pool: Pool
  /** For history: the replica where there is one and it follows. */
  readPool: ReadPool
  /** Null: there is none. */
  replica: ReadDatabase | null
  zone: string
  /** Where readings come from when not from the city itself. */
  origin: string | null
  version: string
  /** Most readings that one request may have sorted. */
  mostSorted: number
  /** How long each tier keeps what it holds, days; 0: for ever. */
  keepDays: Readonly<Record<Tier, number>>
  now: () => number
}

/** The city as it is, for what asks of it what is registered: to look at the state of all stations would take longer than the answer. */
export function cityNow({ live }: RouteContext): City {
  if (!live.loaded) throw new ProblemError(503, 'not_ready', 'Not loaded yet', 'the database has not been read since the start')
  return live.city
}

/** The city that a request asks for: live, or as it was at `at`. */
export async function cityAt(context: RouteContext, at: string | undefined): Promise<{ city: City; survey: Survey; live: boolean }> {
  const { live, now, zone, readPool } = context
  const registered = cityNow(context)
  const present = now()
  const moment = timeIn('at', at, present)
  if (at === undefined) return { city: registered, survey: live.survey(present), live: true }
  if (moment > present) throw new ProblemError(400, 'time_invalid', 'That moment is still to come', `at=${at}`)
  const city = await loadCityAt(readPool, zone, moment, registered)
  return { city, survey: survey(city, moment), live: false }
}

/** The alarms of that city: open now, or active at the past moment, and hidden by nothing. */
export async function alarmsAt({ live, readPool, now }: RouteContext, at: string | undefined): Promise<DomainAlarms> {
  if (at === undefined) return live.alarms.summary(now()).domains
  const counts: Record<string, ReturnType<typeof noAlarms>> = {}
  for (const { domain, severity, count } of await loadAlarmCountsAt(readPool, timeIn('at', at, now()))) {
    counts[domain] ??= noAlarms()
    counts[domain][severity] = count
  }
  return counts
}
