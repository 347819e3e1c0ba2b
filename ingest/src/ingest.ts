import type { RejectionReason } from '@yiping/contract'
import { createPool, formatStatus, listen, loadRegistry, notify, registryChannel, statusChannel } from '@yiping/db'
import type { Logger } from 'pino'
import { TicketQueue } from './batch/queue.ts'
import type { IngestConfig } from './config.ts'
import { createMetrics, serveMetrics } from './metrics.ts'
import { startMqttSource } from './receive/mqtt-source.ts'
import { Writer } from './store/writer.ts'
import { buildRegistry, type Registry } from './validate/registry.ts'
import { RegistryKeeper } from './validate/registry-keeper.ts'
import { toTicket } from './validate/ticket.ts'

export interface Ingest {
  /** Resolves with the first subscription: from then on the broker keeps what comes for us. */
  subscribed: Promise<void>
  /** Ends in the order receive → queue → store; answers how many readings the broker will bring again. */
  stop: () => Promise<number>
  readonly metrics: ReturnType<typeof createMetrics>
}

const statusMs = 1000
const maxQueuedReadings = 50_000
const rowsPerStatement = 2000
/** What a station that was registered a moment ago would be refused for. */
const askedAgain: ReadonlySet<RejectionReason> = new Set(['station_unknown', 'metric_unknown'])
/** A device's report older than this is back-fill and gives way to live ones. */
const lateAfterMs = 10 * 60_000

/** The way of a reading: receive → decode → validate → batch → store. */
export async function startIngest(config: IngestConfig, log: Logger, version: string, now: () => number = Date.now): Promise<Ingest> {
  const metrics = createMetrics()
  const pool = createPool({
    connectionString: config.databaseUrl,
    applicationName: 'yiping-ingest',
    max: 3,
    queryTimeoutMs: 60_000,
    onError: (error) => log.warn({ err: error.message }, 'database connection lost'),
  })
  const registry = new RegistryKeeper(await firstRegistry(pool, log), {
    load: async () => buildRegistry(await loadRegistry(pool)),
    now,
    askAgainMs: 2000,
    patienceMs: 2000,
    onLoaded: (stations) => log.info({ stations }, 'registry loaded'),
    onFailed: (error) => log.warn({ err: error instanceof Error ? error.message : error }, 'registry not loaded'),
  })
  const listener = listen({
    connectionString: config.databaseUrl,
    channels: [registryChannel],
    onNotification: () => void registry.reload(),
    onConnected: () => void registry.reload(),
    onDisconnected: (error) => log.warn({ err: error.message }, 'listening connection lost'),
  })

  const queue = new TicketQueue({ lateAfterMs, maxReadings: maxQueuedReadings })
  let lastCommitAt: number | null = null
  const writer = new Writer({
    db: pool,
    queue,
    maxRows: rowsPerStatement,
    lingerMs: 50,
    retryMs: [50, 100, 250, 500, 1000, 2000],
    onStored: (outcome, batch, ms) => {
      lastCommitAt = now()
      metrics.batchSeconds.observe(ms / 1000)
      metrics.batchRows.observe(batch.readings.pointId.length)
      metrics.outcome.inc({ outcome: 'stored' }, outcome.stored)
      metrics.outcome.inc({ outcome: 'duplicate' }, outcome.duplicate + sum(batch.ledger.map((l) => l.duplicate)))
      metrics.outcome.inc({ outcome: 'conflict' }, outcome.conflict + sum(batch.ledger.map((l) => l.conflict)))
      for (const r of batch.rejections) {
        metrics.outcome.inc({ outcome: 'rejected' }, r.readings)
        metrics.rejected.inc({ reason: r.reason }, r.readings)
      }
    },
    onFailed: (error, attempt) => {
      metrics.failures.inc()
      if (attempt === 1 || attempt % 20 === 0)
        log.warn({ err: error instanceof Error ? error.message : error, attempt }, 'the database did not take a batch, trying again')
    },
  })
  writer.start()

  let nowSubscribed = (): void => {}
  const subscribed = new Promise<void>((resolve) => {
    nowSubscribed = resolve
  })
  let undecided: Promise<void> | null = null
  const source = startMqttSource({
    url: config.mqttUrl,
    clientId: config.clientId,
    now,
    onMessage: (message) => {
      const ticket = toTicket(message, registry.current, config.retentionMs)
      metrics.received.inc({ source: ticket.source }, ticket.received)
      const newer = ticket.rejections.some((r) => askedAgain.has(r.reason)) ? registry.newer(message.receivedAt) : null
      if (newer === null) return queue.add(ticket)
      // The source waits for it (`room`), so that at most one message is undecided.
      undecided = newer.finally(() => {
        undecided = null
        queue.add(toTicket(message, registry.current, config.retentionMs))
      })
    },
    room: () => undecided ?? queue.room(),
    onState: (state, why) => {
      metrics.brokerUp.set(state === 'up' ? 1 : 0)
      log.info({ broker: state, why }, 'broker')
      if (state === 'up') nowSubscribed()
    },
  })

  const inFlight = (): number => queue.readings + writer.inHand
  let saying = false
  const status = setInterval(() => {
    metrics.queued.set(inFlight())
    if (saying) return
    saying = true
    notify(pool, statusChannel, formatStatus({ at: now(), inFlight: inFlight(), broker: source.state, lastCommitAt, version }))
      .catch(() => {})
      .finally(() => {
        saying = false
      })
  }, statusMs)
  const server = config.metricsPort === null ? null : await serveMetrics(metrics.registry, config.metricsPort)

  return {
    subscribed,
    metrics,
    async stop() {
      clearInterval(status)
      await source.stop()
      const left = await writer.stop()
      await listener.stop()
      server?.close()
      await pool.end()
      return left
    },
  }
}

/** Waits for the database and its schema: services may start in any order. */
async function firstRegistry(pool: Parameters<typeof loadRegistry>[0], log: Logger): Promise<Registry> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return buildRegistry(await loadRegistry(pool))
    } catch (error) {
      if (attempt % 10 === 0) log.warn({ err: error instanceof Error ? error.message : error }, 'waiting for the database and its schema')
      await new Promise((resolve) => setTimeout(resolve, Math.min(200 * attempt, 2000)))
    }
  }
}

const sum = (numbers: readonly number[]): number => numbers.reduce((a, b) => a + b, 0)
