import { serverNodeFlags } from '@yiping/contract'
import { entries } from '../built.ts'
import { startPart } from '../city/start-part.ts'
import { rssOf } from '../measure/processes.ts'
import { startIngestPart } from '../real/drain.ts'
import { startMosquitto } from '../real/mosquitto.ts'
import type { RealDatabase } from '../real/server.ts'
import { withScope } from '../scope.ts'
import { until } from '../until.ts'
import { onServer } from './on-server.ts'

/** How many cities as large as the demo city's there are in the register. */
const sizes = [1, 10, 50]
const patienceMs = 300_000
/** More than ingest is given by default, which is enough for the demo city ten times over. */
const heapMiB = 2048

interface Run {
  points: number
  /** From the start of the process to its readiness, s. */
  serverS: number
  ingestS: number
  serverMiB: number
  ingestMiB: number
}

/** Every station with its points so many times, each point with a value of now. */
async function multiply(database: RealDatabase, times: number): Promise<number> {
  if (times > 1)
    await database.query(
      `with more as (
         insert into station (code, name, kind, domain, district, lon, lat)
         select s.code || '-' || n, s.name || ' ' || n, s.kind, s.domain, s.district, s.lon + n * 1e-4, s.lat
         from station s cross join generate_series(2, $1::int) n returning id, code
       )
       insert into point (station_id, metric, interval_s)
       select m.id, p.metric, p.interval_s from more m join station s on s.code = regexp_replace(m.code, '-[0-9]+$', '') join point p on p.station_id = s.id`,
      [times],
    )
  await database.query(
    `insert into latest (point_id, observed_at, received_at, value, quality) select id, now(), now(), 1, 0 from point on conflict (point_id) do nothing`,
  )
  await database.query('analyze')
  const [row] = await database.query<{ n: number }>('select count(*)::int as n from point')
  return row?.n ?? 0
}

/** What a register costs the processes that hold it in memory. */
export const register = onServer({
  name: 'register',
  about: 'memory of server and ingest, and how long they take to begin, by points in the register',
  async run(bench, _scope, server) {
    const runs: Run[] = []
    for (const times of sizes)
      await withScope(async (inner) => {
        const database = await server.fresh(inner)
        const points = await multiply(database, times)
        bench.say(`${points} points`)
        const began = performance.now()
        const web = await startPart(inner, entries.server, {
          env: { DATABASE_URL: database.url, HOST: '127.0.0.1', PORT: '0', ADMIN_PASSWORD: 'of the bench and of nothing else' },
          execArgv: serverNodeFlags,
        })
        await until('the server is ready', async () => (await fetch(`${String(web.ready.address)}/readyz`)).ok, patienceMs, 50)
        const serverS = (performance.now() - began) / 1000
        const broker = await startMosquitto(bench, inner)
        const from = performance.now()
        const ingest = await startIngestPart(bench, inner, { database, broker, heapMiB })
        await until('ingest has subscribed', () => broker.connectedAt('yiping-ingest-main'), patienceMs, 50)
        const ingestS = (performance.now() - from) / 1000
        // What loading took and is free again is given back within some seconds.
        await new Promise((resolve) => setTimeout(resolve, 10_000))
        const mib = async (pid: number): Promise<number> => (await rssOf(pid)) / 2 ** 20
        runs.push({ points, serverS, ingestS, serverMiB: await mib(web.pid), ingestMiB: await mib(ingest.pid) })
      })
    const [least, most] = [runs[0], runs.at(-1)]
    if (least === undefined || most === undefined) throw new Error('nothing was measured')
    const perPoint = (of: (r: Run) => number): number => ((of(most) - of(least)) * 2 ** 20) / (most.points - least.points)
    const row = (what: string, of: (r: Run) => number) => ({
      figure: `register: ${what}, memory of a point`,
      measured: perPoint(of),
      unit: 'B',
      decimals: 0,
      goal: { atMost: 4096 },
      reference: { value: (of(least) * 2 ** 20) / least.points, what: 'the whole process with the demo city, a point' },
    })
    return {
      rows: [row('server', (r) => r.serverMiB), row('ingest', (r) => r.ingestMiB)],
      notes: runs.map(
        (r) =>
          `register: ${r.points} points: server ${r.serverMiB.toFixed(0)} MiB, ready after ${r.serverS.toFixed(1)} s; ingest ${r.ingestMiB.toFixed(0)} MiB, at the broker after ${r.ingestS.toFixed(1)} s`,
      ),
      detail: { runs },
    }
  },
})
