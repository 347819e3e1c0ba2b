import { collectDefaultMetrics, Gauge, Registry } from 'prom-client'
import type { Live } from './live/live.ts'

export interface Metrics {
  registry: Registry
  collect: () => Promise<string>
}

/** The truth bar's figures for Prometheus, beside the process's own. */
export function createMetrics(live: Live, clients: () => number, now: () => number): Metrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'yiping_server_' })
  const registers = [registry]
  const gauge = (name: string, help: string): Gauge => new Gauge({ name, help, registers })
  const fresh = gauge('yiping_points_fresh', 'points with a fresh value')
  const expected = gauge('yiping_points_expected', 'points in the registry')
  const delay = gauge('yiping_delay_p95_seconds', 'device to socket, 95th percentile of the last minute; absent without live values')
  const spool = gauge('yiping_ingest_in_flight', 'readings received and not committed, as ingest says; absent while it is silent')
  const spoolBytes = gauge('yiping_ingest_spool_bytes', 'bytes of all spools on disk, as ingest says; absent while it is silent')
  const spoolFull = gauge('yiping_ingest_spool_full', '1 while a spool takes nothing and messages stay at the broker')
  const closes = gauge('yiping_balance_closes', '1 when every settled minute of the last 24 hours closes')
  const open = gauge('yiping_balance_open_minutes', 'settled minutes of the last 24 hours that do not close')
  const difference = gauge('yiping_balance_difference', 'readings received and without an outcome in these minutes')
  const readings = new Gauge({
    name: 'yiping_balance_readings',
    help: "readings of the local day's settled minutes: received, and their outcomes",
    labelNames: ['outcome'],
    registers,
  })
  const database = gauge('yiping_database_up', '1 while the listening connection stands')
  const sockets = gauge('yiping_clients', 'connected screens')
  return {
    registry,
    async collect() {
      const truth = live.truth(now())
      fresh.set(truth.points.fresh)
      expected.set(truth.points.expected)
      if (truth.delayP95Ms === null) delay.remove()
      else delay.set(truth.delayP95Ms / 1000)
      if (truth.spoolDepth === null) spool.remove()
      else spool.set(truth.spoolDepth)
      if (truth.spoolBytes === null) spoolBytes.remove()
      else spoolBytes.set(truth.spoolBytes)
      spoolFull.set(truth.spoolFull ? 1 : 0)
      if (truth.balanceCloses === null) closes.remove()
      else closes.set(truth.balanceCloses ? 1 : 0)
      open.set(truth.balanceOpen.minutes)
      difference.set(truth.balanceOpen.difference)
      for (const [outcome, n] of Object.entries(truth.balance)) readings.set({ outcome }, n)
      database.set(truth.database === 'up' ? 1 : 0)
      sockets.set(clients())
      return registry.metrics()
    },
  }
}
