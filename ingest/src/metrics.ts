import { createServer, type Server } from 'node:http'
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client'

export interface IngestMetrics {
  registry: Registry
  received: Counter<'source'>
  outcome: Counter<'outcome'>
  rejected: Counter<'reason'>
  batchSeconds: Histogram
  batchRows: Histogram
  failures: Counter
  queued: Gauge
  brokerUp: Gauge
}

export function createMetrics(): IngestMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'yiping_ingest_' })
  const registers = [registry]
  return {
    registry,
    received: new Counter({ name: 'yiping_readings_received_total', help: 'readings that arrived, by topic class', labelNames: ['source'], registers }),
    outcome: new Counter({
      name: 'yiping_readings_settled_total',
      help: 'readings by outcome: stored, duplicate, conflict, rejected',
      labelNames: ['outcome'],
      registers,
    }),
    rejected: new Counter({ name: 'yiping_readings_rejected_total', help: 'refused readings by reason', labelNames: ['reason'], registers }),
    batchSeconds: new Histogram({
      name: 'yiping_store_seconds',
      help: 'time of one store statement',
      buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5],
      registers,
    }),
    batchRows: new Histogram({ name: 'yiping_store_rows', help: 'readings per store statement', buckets: [1, 10, 50, 100, 500, 1000, 2000], registers }),
    failures: new Counter({ name: 'yiping_store_failures_total', help: 'store statements that the database did not take', registers }),
    queued: new Gauge({ name: 'yiping_readings_in_flight', help: 'readings received and not yet committed', registers }),
    brokerUp: new Gauge({ name: 'yiping_broker_up', help: '1 while subscribed at the broker', registers }),
  }
}

/** `/metrics` and `/healthz` of a service without a web server of its own, on loopback. */
export async function serveMetrics(registry: Registry, port: number): Promise<Server> {
  const server = createServer((request, response) => {
    if (request.url === '/metrics')
      registry.metrics().then(
        (text) => response.writeHead(200, { 'content-type': registry.contentType }).end(text),
        () => response.writeHead(500).end(),
      )
    else if (request.url === '/healthz') response.writeHead(200, { 'content-type': 'text/plain' }).end('ok\n')
    else response.writeHead(404).end()
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
  return server
}
