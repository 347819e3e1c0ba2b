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
  const closes = gauge('yiping_balance_closes', '1 when every settled minute of the last hour closes')
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
      if (truth.balanceCloses === null) closes.remove()
      else closes.set(truth.balanceCloses ? 1 : 0)
      database.set(truth.database === 'up' ? 1 : 0)
      sockets.set(clients())
      return registry.metrics()
    },
  }
}
