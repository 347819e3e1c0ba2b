import { loadUpkeep, type Pool, type Upkeep } from '@yiping/db'
import type { FastifyInstance } from 'fastify'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'
import type { Rates } from './access/rates.ts'
import type { Live } from './live/live.ts'
import type { Hub } from './push/hub.ts'
import type { ReadDatabase } from './replica/read-database.ts'

export interface MetricsOptions {
  live: Live
  hub: Hub
  rates: Rates
  /** By name; one pool has one name, though it serves two purposes. */
  pools: ReadonlyMap<string, Pool>
  replica: ReadDatabase | null
  version: string
  now: () => number
}
export interface Metrics {
  registry: Registry
  collect: () => Promise<string>
  /** Counts and times every answer of the app by its route. */
  watch: (app: FastifyInstance) => void
  noticeSent: (channel: string, alarms: number) => void
  noticeFailed: () => void
}

/** What the database says of itself is asked for no more often, ms. */
const upkeepEveryMs = 60_000

/** The truth bar's figures for Prometheus, what HTTP and sockets carry, and how the database keeps up, beside the process's own. */
export function createMetrics({ live, hub, rates, pools, replica, version, now }: MetricsOptions): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'yiping_server_' })
  const registers = [registry]
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers })
  const build = new Gauge({ name: 'yiping_server_info', help: '1, with the version that runs', labelNames: ['version'], registers })
  build.set({ version }, 1)
  const fresh = gauge('yiping_points_fresh', 'points with a fresh value')
  const expected = gauge('yiping_points_expected', 'points in the registry')
  const delay = gauge('yiping_delay_p95_seconds', 'device to socket, 95th percentile of the last minute; absent without live values')
  const spool = gauge('yiping_ingest_in_flight', 'readings received and not committed, as ingest says; absent while it is silent')
  const spoolBytes = gauge('yiping_ingest_spool_bytes', 'bytes of all spools on disk, as ingest says; absent while it is silent')
  const spoolFull = gauge('yiping_ingest_spool_full', '1 while a spool takes nothing and messages stay at the broker')
  const ingestUp = gauge('yiping_ingest_up', '1 while every shard that was heard within the hour has an active process')
  const brokerUp = gauge('yiping_ingest_broker_up', '1 while every active ingest process is subscribed; absent while none is heard')
  const lastCommit = gauge('yiping_last_commit_timestamp_seconds', 'when readings were last committed, as far as the server knows; absent before any')
  const closes = gauge('yiping_balance_closes', '1 when every settled minute of the last 24 hours closes')
  const open = gauge('yiping_balance_open_minutes', 'settled minutes of the last 24 hours that do not close')
  const difference = gauge('yiping_balance_difference', 'readings received and without an outcome in these minutes')
  const readings = new Gauge({
    name: 'yiping_balance_readings',
    help: "readings of the local day's settled minutes: received, and their outcomes",
    labelNames: ['outcome'],
    registers,
  })
  const alarms = new Gauge({ name: 'yiping_alarms_open', help: 'open alarms that nothing hides, by severity', labelNames: ['severity'], registers })
  const unacked = new Gauge({ name: 'yiping_alarms_unacknowledged', help: 'of them, those that nobody has acknowledged', labelNames: ['severity'], registers })
  const flood = gauge('yiping_alarm_flood', '1 while more than 10 alarms rang in 10 minutes')
  const noticesSent = new Counter({
    name: 'yiping_notices_sent_total',
    help: 'messages to people about alarms, by channel',
    labelNames: ['channel'],
    registers,
  })
  const noticesFailed = new Counter({ name: 'yiping_notices_failed_total', help: 'rounds of telling people that failed and are tried again', registers })

  const database = gauge('yiping_database_up', '1 while the listening connection stands')
  const connections = new Gauge({
    name: 'yiping_database_connections',
    help: 'connections of a pool to the database: busy, idle, and requests that wait for one',
    labelNames: ['pool', 'state'],
    registers,
  })
  const fromReplica = gauge('yiping_history_from_replica', '1 while history is read from the replica; absent where none is named')
  const replicaLag = gauge('yiping_replica_lag_seconds', 'how far the replica is behind; absent while it does not answer')
  const load = gauge('yiping_live_load_seconds', 'how long the last full load of the live state took')
  const databaseBytes = gauge('yiping_database_bytes', 'size of the database on disk; asked for once a minute, absent while it does not answer')
  const dirtyHours = gauge('yiping_rollup_dirty_hours', 'hours whose roll-ups late readings made wrong and that are not repaired yet')
  const jobsFailed = gauge('yiping_database_jobs_failed', 'background jobs of the database whose last run failed')
  const jobsOverdue = gauge('yiping_database_job_overdue_seconds', 'how long the start of the most overdue background job is overdue')

  const sockets = gauge('yiping_clients', 'connected screens')
  const rooms = gauge('yiping_rooms', 'rooms that somebody watches')
  const travellers = gauge('yiping_travellers', 'screens that show the past, each with a city of its own in memory')
  const stalled = new Counter({
    name: 'yiping_clients_stalled_total',
    help: 'screens that were closed because they took nothing in',
    registers,
    collect() {
      this.reset()
      this.inc(hub.counts.stalled)
    },
  })
  const frames = new Counter({
    name: 'yiping_frames_total',
    help: 'frames that left for screens, by kind',
    labelNames: ['kind'],
    registers,
    collect() {
      this.reset()
      this.inc({ kind: 'snapshot' }, hub.counts.snapshots)
      this.inc({ kind: 'delta' }, hub.counts.deltas)
    },
  })
  const limited = new Counter({
    name: 'yiping_rate_limited_total',
    help: 'requests and sockets that were refused as too many, by what was exceeded',
    labelNames: ['bound'],
    registers,
    collect() {
      this.reset()
      for (const [bound, n] of Object.entries(rates.counts)) this.inc({ bound }, n)
    },
  })
  void [stalled, frames, limited]

  const requests = new Histogram({
    name: 'yiping_http_request_seconds',
    help: 'time to the end of an answer, by method, route and class of status',
    labelNames: ['method', 'route', 'status'],
    buckets: [0.005, 0.025, 0.1, 0.25, 1, 2.5, 10, 30],
    registers,
  })

  /** The last answer; a scrape never waits for the database. */
  let upkeep: Upkeep | null = null
  let askedAt = Number.NEGATIVE_INFINITY
  const pool = [...pools.values()][0]
  const askUpkeep = (): void => {
    if (pool === undefined || performance.now() - askedAt < upkeepEveryMs || live.database === 'down') return
    askedAt = performance.now()
    loadUpkeep(pool, now()).then(
      (answer) => {
        upkeep = answer
      },
      () => {
        upkeep = null
        // The next scrape asks again.
        askedAt = Number.NEGATIVE_INFINITY
      },
    )
  }
  const setOrRemove = (of: Gauge, value: number | null | undefined): void => {
    if (value === null || value === undefined) of.remove()
    else of.set(value)
  }

  return {
    registry,
    noticeSent: (channel, count) => noticesSent.inc({ channel }, count),
    noticeFailed: () => noticesFailed.inc(),
    watch(app) {
      app.addHook('onResponse', (request, reply, done) => {
        // What no route answers has one name: an address of a stranger's making must not become a label.
        const route = request.is404 ? 'none' : (request.routeOptions.url ?? 'none')
        requests.observe({ method: request.method, route, status: `${Math.floor(reply.statusCode / 100)}xx` }, reply.elapsedTime / 1000)
        done()
      })
    },
    async collect() {
      const truth = live.truth(now())
      fresh.set(truth.points.fresh)
      expected.set(truth.points.expected)
      setOrRemove(delay, truth.delayP95Ms === null ? null : truth.delayP95Ms / 1000)
      setOrRemove(spool, truth.spoolDepth)
      setOrRemove(spoolBytes, truth.spoolBytes)
      spoolFull.set(truth.spoolFull ? 1 : 0)
      ingestUp.set(truth.ingest === 'up' ? 1 : 0)
      setOrRemove(brokerUp, truth.broker === 'unknown' ? null : Number(truth.broker === 'up'))
      setOrRemove(lastCommit, truth.lastCommitAt === null ? null : truth.lastCommitAt / 1000)
      setOrRemove(closes, truth.balanceCloses === null ? null : Number(truth.balanceCloses))
      open.set(truth.balanceOpen.minutes)
      difference.set(truth.balanceOpen.difference)
      for (const [outcome, n] of Object.entries(truth.balance)) readings.set({ outcome }, n)
      const summary = live.alarms.summary(now())
      for (const [severity, n] of Object.entries(summary.open)) alarms.set({ severity }, n)
      for (const [severity, n] of Object.entries(summary.unacked)) unacked.set({ severity }, n)
      flood.set(summary.flood ? 1 : 0)
      database.set(truth.database === 'up' ? 1 : 0)
      for (const [name, { totalCount, idleCount, waitingCount }] of pools) {
        connections.set({ pool: name, state: 'busy' }, totalCount - idleCount)
        connections.set({ pool: name, state: 'idle' }, idleCount)
        connections.set({ pool: name, state: 'waiting' }, waitingCount)
      }
      setOrRemove(fromReplica, replica === null ? null : Number(replica.from === 'replica'))
      setOrRemove(replicaLag, replica === null || replica.lagMs === null ? null : replica.lagMs / 1000)
      setOrRemove(load, live.loaded ? live.loadSeconds : null)
      askUpkeep()
      setOrRemove(databaseBytes, upkeep?.databaseBytes)
      setOrRemove(dirtyHours, upkeep?.dirtyHours)
      setOrRemove(jobsFailed, upkeep?.jobsFailed)
      setOrRemove(jobsOverdue, upkeep?.jobsOverdueS)
      sockets.set(hub.clients)
      rooms.set(hub.rooms)
      travellers.set(hub.travellers)
      return registry.metrics()
    },
  }
}
