import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { createPool, loadRegistry } from '@yiping/db'
import { serverNodeFlags } from '@yiping/contract'
import { letTestsIn } from '../../server/test/signed-in.ts'
import type { Bench } from '../bench.ts'
import { entries } from '../built.ts'
import { startPart } from '../city/start-part.ts'
import { median } from '../measure/numbers.ts'
import { handlesOf, rssOf } from '../measure/processes.ts'
import { startIngestPart } from '../real/drain.ts'
import { sendLive } from '../real/live-load.ts'
import { livePoints } from '../real/live-plan.ts'
import { startMosquitto } from '../real/mosquitto.ts'
import { countReadings, type RealDatabase } from '../real/server.ts'
import { aligned } from '../report/table.ts'
import { withScope } from '../scope.ts'
import { until } from '../until.ts'
import { type DatabaseSize, keptDays, shortenDays, sizeOf } from './short-days.ts'
import { causeTroubles } from './troubles.ts'
import { keepWalls, visit } from './visitors.ts'

/** Readings of a point a day. */
const perDay = 1440
/** Points of the demo city that send; the others are not there. */
const wantedPoints = 300
const perMessage = 20
const patienceMs = 120_000
const password = 'of the soak and of nothing else'

interface Day {
  day: number
  processes: Record<string, { mib: number; handles: number; threads: number }>
  database: DatabaseSize
  spoolBytes: number
  readings: number
}

export interface Month {
  pass: boolean
  days: Day[]
  lines: string[]
}

const mib = (bytes: number): number => bytes / 2 ** 20

async function folderBytes(folder: string): Promise<number> {
  let sum = 0
  for (const e of await readdir(folder, { recursive: true, withFileTypes: true }))
    if (e.isFile())
      sum += await stat(join(e.parentPath, e.name)).then(
        (s) => s.size,
        () => 0,
      )
  return sum
}

/**
 * Broker, ingest, server and a real TimescaleDB server under a month of readings of 300 points, one a minute and point, fitted
 * into --minutes, with walls, visitors and troubles: nothing of it may grow once the oldest day goes as a new one comes.
 */
export async function soakMonth(bench: Bench, say: (line: string) => void): Promise<Month> {
  const { days, minutes } = bench.options
  const daySeconds = Math.round((minutes * 60) / days)
  if (daySeconds % 60 !== 0) throw new Error('--minutes must be a multiple of --days: roll-ups by the minute are cut at the ends of days')
  if (days < 2 * keptDays) throw new Error(`--days must be at least ${2 * keptDays}: readings are kept for ${keptDays}, and what comes after is looked at`)
  const server = await bench.server()
  if (server === null) throw new Error('the soak of a month needs a PostgreSQL server with TimescaleDB: --database URL or TEST_DATABASE_URL')
  return withScope(async (scope) => {
    const database = await server.fresh(scope)
    await database.query(
      `with gone as (select id from (select s.id, sum(count(p.id)) over (order by md5(s.code)) as n
         from station s left join point p on p.station_id = s.id group by s.id, s.code) s where n > $1),
       points as (delete from point where station_id in (select id from gone))
       delete from station where id in (select id from gone)`,
      [wantedPoints],
    )
    const pool = createPool({ connectionString: database.url, applicationName: 'yiping-bench', max: 1 })
    const points = livePoints(await loadRegistry(pool).finally(() => pool.end()))
    await shortenDays(database, daySeconds)
    const broker = await startMosquitto(bench, scope)
    const dataDir = await bench.folder(scope)
    const ingest = await startIngestPart(bench, scope, { database, broker, dataDir })
    const web = await startPart(scope, entries.server, {
      env: { DATABASE_URL: database.url, HOST: '127.0.0.1', PORT: '0', ADMIN_PASSWORD: password },
      execArgv: serverNodeFlags,
    })
    const address = String(web.ready.address)
    // Who else is let in comes later: to whom there are accounts, none is given.
    await until('there is an administrator', async () => (await database.query("select from account where username = 'admin'")).length > 0, patienceMs)
    await letTestsIn(database.url)
    const walls = await keepWalls(scope, address, 5)
    const troubles = await causeTroubles(scope, broker, points, daySeconds)
    const calm = points.filter((p) => !troubles.restless.includes(p))
    const load = { rate: (calm.length * perDay) / daySeconds, perMessage: Math.min(perMessage, calm.length), seconds: days * daySeconds }
    say(`${points.length} points, ${load.rate.toFixed(0)} readings/s, a day is ${daySeconds} s; ${server.version}`)
    let ended = false
    const sending = sendLive(bench, scope, broker, calm, load).finally(() => {
      ended = true
    })
    const account = watchAccount(database)
    const seen: Day[] = []
    const faults: string[] = []
    const began = Date.now()
    for (let day = 1; day <= days && !ended; day += 1) {
      await delay(Math.max(0, began + (day - 0.5) * daySeconds * 1000 - Date.now()))
      await walls.turn()
      const [point] = calm
      if (point !== undefined)
        for (const fault of await visit(address, password, point, daySeconds)) {
          faults.push(fault)
          say(fault)
        }
      await delay(Math.max(0, began + day * daySeconds * 1000 - 2000 - Date.now()))
      const processes: Day['processes'] = {}
      for (const [name, pid] of [
        ['ingest', ingest.pid],
        ['server', web.pid],
        ['mosquitto', broker.pid],
      ] as const)
        processes[name] = { mib: mib(await rssOf(pid)), ...(await handlesOf(pid)) }
      const now: Day = { day, processes, database: await sizeOf(database), spoolBytes: await folderBytes(dataDir), readings: await countReadings(database) }
      seen.push(now)
      await account.read()
      say(
        `day ${day}: ${Object.entries(processes)
          .map(([name, p]) => `${name} ${p.mib.toFixed(1)} MiB ${p.handles} handles`)
          .join(
            ', ',
          )}; database ${mib(now.database.bytes).toFixed(1)} MiB, ${now.database.chunks} chunks (${now.database.inColumnstore} in the columnstore), ${now.readings} readings, ${now.database.dead} dead rows; spool ${mib(now.spoolBytes).toFixed(1)} MiB; faults ${faults.length}`,
      )
    }
    const sent = await sending
    await troubles.end()
    const { stored, duplicate, rejected } = troubles.sent
    const wanted = { received: sent + stored + duplicate + rejected, stored: sent + stored, duplicate, rejected }
    await until(
      'everything sent is accounted for',
      async () => {
        await account.read()
        return account.sum().received >= wanted.received
      },
      patienceMs,
      1000,
    )
    const [alarms] = await database.query<{ alarms: number; events: number }>(
      'select count(*)::int as alarms, (select count(*)::int from alarm_event) as events from alarm',
    )
    const told = account.sum()
    const lines = [
      `account: ${told.received} received = ${told.stored} stored + ${told.duplicate} duplicate + ${told.rejected} rejected; the senders counted ${wanted.stored} to be stored, ${wanted.duplicate} repeated, ${wanted.rejected} unreadable`,
      `${alarms?.alarms ?? 0} alarms with ${alarms?.events ?? 0} events; ${walls.frames()} frames to five walls; faults of ${days} visitors: ${faults.length}${faults.length > 0 ? ` (${faults[0]})` : ''}`,
    ]
    const same = told.open === 0 && (['received', 'stored', 'duplicate', 'rejected'] as const).every((k) => told[k] === wanted[k])
    const growth = judge(seen)
    if (!same) lines.push('FAULT: the account does not say what was sent')
    if ((alarms?.alarms ?? 0) === 0) lines.push('FAULT: no alarm came of values beyond limits')
    const pass = same && faults.length === 0 && (alarms?.alarms ?? 0) > 0 && growth.every((g) => g.pass) && (seen.at(-1)?.database.jobsFailed ?? 0) === 0
    return {
      pass,
      days: seen,
      lines: [
        aligned([
          ['what', `day ${keptDays + 2} on`, 'the last days', 'grown', 'may grow'],
          ...growth.map((g) => [g.what, g.before.toFixed(1), g.after.toFixed(1), (g.after - g.before).toFixed(1), g.may.toFixed(1)]),
        ]),
        ...lines,
      ],
    }
  })
}

interface Growth {
  what: string
  before: number
  after: number
  may: number
  pass: boolean
}

/** What is there of each thing once the oldest day goes as a new one comes, and in the last days: medians, since both move. */
function judge(days: readonly Day[]): Growth[] {
  const steady = days.filter((d) => d.day >= keptDays + 2)
  const half = Math.ceil(steady.length / 2)
  const of = (what: string, value: (d: Day) => number, may: (before: number) => number): Growth => {
    const before = median(steady.slice(0, half).map(value))
    const after = median(steady.slice(half).map(value))
    return { what, before, after, may: may(before), pass: after - before <= may(before) }
  }
  const names = Object.keys(days[0]?.processes ?? {})
  return [
    ...names.map((name) =>
      of(
        `${name}, MiB`,
        (d) => d.processes[name]?.mib ?? Number.NaN,
        (before) => Math.max(3, before * 0.03),
      ),
    ),
    ...names.map((name) =>
      of(
        `${name}, handles`,
        (d) => d.processes[name]?.handles ?? Number.NaN,
        () => 2,
      ),
    ),
    ...names.map((name) =>
      of(
        `${name}, threads`,
        (d) => d.processes[name]?.threads ?? Number.NaN,
        () => 1,
      ),
    ),
    of(
      'database, MiB',
      (d) => mib(d.database.bytes),
      (before) => before * 0.05,
    ),
    of(
      'readings, MiB',
      (d) => mib(d.database.readingBytes),
      (before) => before * 0.05,
    ),
    of(
      'chunks of readings',
      (d) => d.database.chunks,
      () => 1,
    ),
    of(
      'readings in them',
      (d) => d.readings,
      (before) => before * 0.05,
    ),
    of(
      'dead rows',
      (d) => d.database.dead,
      (before) => Math.max(5000, before),
    ),
    of(
      'spool, MiB',
      (d) => mib(d.spoolBytes),
      () => 8,
    ),
  ]
}

interface Sums {
  received: number
  stored: number
  duplicate: number
  rejected: number
  open: number
}

/** The account goes with its days, so it is read before it does. */
function watchAccount(database: RealDatabase): { read: () => Promise<void>; sum: () => Sums } {
  const minutes = new Map<string, Sums>()
  return {
    async read() {
      const rows = await database.query<Sums & { key: string }>(
        `select minute::text || source as key, received::float8 as received, stored::float8 as stored, duplicate::float8 as duplicate,
           rejected::float8 as rejected, (not closes)::int as open from ingest_balance`,
      )
      for (const { key, ...row } of rows) minutes.set(key, row)
    },
    sum: () =>
      [...minutes.values()].reduce(
        (a, b) => ({
          received: a.received + b.received,
          stored: a.stored + b.stored,
          duplicate: a.duplicate + b.duplicate,
          rejected: a.rejected + b.rejected,
          open: a.open + b.open,
        }),
        { received: 0, stored: 0, duplicate: 0, rejected: 0, open: 0 },
      ),
  }
}
