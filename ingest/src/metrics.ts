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
  active: Gauge
  commitDelay: Histogram
  redelivered: Counter
  late: Counter
  flooding: Counter
  marked: Counter<'mark'>
  rebirths: Counter
  replayed: Counter
  repairedHours: Counter
  spoolBytes: Gauge
  spoolFull: Gauge
  damagedBytes: Counter
  alarms: Counter<'severity'>
  alarmSeconds: Histogram
}

/** What is asked for when somebody reads it. */
export interface Standing {
  inFlight: () => number
  spoolBytes: () => number
  spoolMaxBytes: number
  /** Readings that arrived, by topic class. */
  arrived: ReadonlyMap<string, number>
  /** Messages taken apart, and what that took. */
  work: Readonly<{ messages: number; ms: number }>
  /** Epoch ms. */
  lastCommitAt: () => number | null
  version: string
}

export function createMetrics(now: Standing): IngestMetrics {
  const registry = new Registry()
  collectDefaultMetrics({ register: registry, prefix: 'yiping_ingest_' })
  const registers = [registry]
  new Gauge({ name: 'yiping_ingest_info', help: '1, with the version that runs', labelNames: ['version'], registers }).set({ version: now.version }, 1)
  new Gauge({ name: 'yiping_spool_max_bytes', help: 'bytes at which the spool takes nothing more', registers }).set(now.spoolMaxBytes)
  new Counter({
    name: 'yiping_messages_taken_apart_total',
    help: 'messages that were decoded and validated',
    registers,
    collect() {
      this.reset()
      this.inc(now.work.messages)
    },
  })
  new Counter({
    name: 'yiping_decode_seconds_total',
    help: 'time that decoding and validating took',
    registers,
    collect() {
      this.reset()
      this.inc(now.work.ms / 1000)
    },
  })
  new Gauge({
    name: 'yiping_commit_timestamp_seconds',
    help: 'when this process last committed; absent before its first',
    registers,
    collect() {
      const at = now.lastCommitAt()
      if (at === null) this.remove()
      else this.set(at / 1000)
    },
  })
  return {
    registry,
    received: new Counter({
      name: 'yiping_readings_received_total',
      help: 'readings that arrived, by topic class',
      labelNames: ['source'],
      registers,
      collect() {
        this.reset()
        for (const [source, readings] of now.arrived) this.inc({ source }, readings)
      },
    }),
    outcome: new Counter({
      name: 'yiping_readings_settled_total',
      help: 'readings by outcome: stored, duplicate, conflict, rejected, waiting',
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
    batchRows: new Histogram({
      name: 'yiping_store_rows',
      help: 'readings per store statement',
      buckets: [1, 10, 50, 100, 500, 1000, 2000, 5000, 10_000],
      registers,
    }),
    commitDelay: new Histogram({
      name: 'yiping_commit_delay_seconds',
      help: 'from the arrival of the oldest reading of a statement to its commit',
      buckets: [0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 15, 60, 300, 3600],
      registers,
    }),
    failures: new Counter({ name: 'yiping_store_failures_total', help: 'store statements that the database did not take', registers }),
    queued: new Gauge({
      name: 'yiping_readings_in_flight',
      help: 'readings received and not yet committed',
      registers,
      collect() {
        this.set(now.inFlight())
      },
    }),
    active: new Gauge({ name: 'yiping_ingest_active', help: '1 while this process takes messages in for its shard', registers }),
    redelivered: new Counter({ name: 'yiping_messages_redelivered_total', help: 'messages that the broker marked as sent before', registers }),
    rebirths: new Counter({ name: 'yiping_sparkplug_rebirths_asked_total', help: 'rebirths that Sparkplug edges were asked for', registers }),
    marked: new Counter({
      name: 'yiping_readings_marked_total',
      help: 'good readings stored as uncertain, by what the checks found',
      labelNames: ['mark'],
      registers,
    }),
    flooding: new Counter({
      name: 'yiping_messages_flooding_total',
      help: 'messages of stations that send far more than they have to say; stored after the others',
      registers,
    }),
    late: new Counter({ name: 'yiping_late_ranges_total', help: 'points and hours whose roll-ups late readings made wrong', registers }),
    replayed: new Counter({ name: 'yiping_readings_replayed_total', help: 'readings that left the waiting list for the table', registers }),
    repairedHours: new Counter({ name: 'yiping_rollup_hours_repaired_total', help: 'hours of roll-ups worked out again after late readings', registers }),
    spoolBytes: new Gauge({
      name: 'yiping_spool_bytes',
      help: 'bytes of the spool on disk',
      registers,
      collect() {
        this.set(now.spoolBytes())
      },
    }),
    spoolFull: new Gauge({ name: 'yiping_spool_full', help: '1 while the spool takes nothing', registers }),
    damagedBytes: new Counter({ name: 'yiping_spool_damaged_bytes_total', help: 'bytes of the spool that could not be read', registers }),
    alarms: new Counter({ name: 'yiping_alarms_opened_total', help: 'alarms opened, by severity', labelNames: ['severity'], registers }),
    alarmSeconds: new Histogram({
      name: 'yiping_alarm_evaluation_seconds',
      help: 'time of the evaluation of the alarm rules on one batch',
      buckets: [0.0001, 0.0005, 0.001, 0.005, 0.01, 0.05, 0.1, 0.5],
      registers,
    }),
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
