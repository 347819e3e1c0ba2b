import { join } from 'node:path'
import { buildTopic, type Severity } from '@yiping/contract'
import {
  alarmRuleChannel,
  createPool,
  forgetProgress,
  formatStatus,
  isSchemaMissing,
  linkChannel,
  listen,
  loadProgress,
  loadRegistry,
  loadWaitingPlaces,
  notify,
  parseStatus,
  type RegisteredStation,
  registryChannel,
  statusChannel,
} from '@yiping/db'
import type { Logger } from 'pino'
import { CauseWatch } from './alarm/cause-watch.ts'
import { CombinationWatch } from './alarm/combination-watch.ts'
import { NormalsKeeper } from './alarm/normals-keeper.ts'
import { SilenceWatch } from './alarm/silence-watch.ts'
import { createClock } from './clock.ts'
import type { IngestConfig } from './config.ts'
import { decodeMessage } from './decode/decode-message.ts'
import { Housekeeping } from './housekeeping.ts'
import { Lease, type LeaseState } from './lease.ts'
import { createMetrics, serveMetrics } from './metrics.ts'
import type { IncomingMessage } from './receive/message.ts'
import { type MqttSource, type MqttSourceOptions, startMqttSource } from './receive/mqtt-source.ts'
import { readRegistry, saveRegistry } from './registry-cache.ts'
import { SparkplugKeeper } from './sparkplug-keeper.ts'
import { Spool, type SpoolOptions } from './spool/spool.ts'
import type { Writable } from './spool/ticket-codec.ts'
import { StoreThread } from './store/store-thread.ts'
import { Writer } from './store/writer.ts'
import { FloodGate } from './receive/flood-gate.ts'
import { AutomaticChecks } from './validate/checks.ts'
import { buildRegistry } from './validate/registry.ts'
import { RegistryKeeper } from './validate/registry-keeper.ts'
import { type PlainMessage, PlainMessages } from './validate/plain-message.ts'
import { asRaw, type MessageParts, rawFromBytes, type Ticket, toTicket } from './validate/ticket.ts'
import { WaitingRoom } from './validate/waiting-room.ts'

export interface Ingest {
  /** Resolves with the first subscription: from then on the broker keeps what comes for us. */
  subscribed: Promise<void>
  /** `active` takes messages in; `standby` waits for the active one's lease to end. */
  readonly role: 'active' | 'standby'
  /** Ends in the order receive → spool → store; answers how many readings stay in the spool for the next start. */
  stop: () => Promise<number>
  readonly metrics: ReturnType<typeof createMetrics>
}

export interface IngestSeams {
  /** The test's places for a clock that jumps, a disk that is full, and times that are shorter. */
  wall?: () => number
  spool?: Partial<SpoolOptions>
  source?: Pick<MqttSourceOptions, 'keepaliveS' | 'brakeMs' | 'deafAfterMs'>
  queryTimeoutMs?: number
  leaseTtlMs?: number
  housekeeping?: { replayEveryMs?: number; repairEveryMs?: number }
  onFault?: (error: unknown) => void
}

const statusMs = 1000
/** A standby takes over at most lease + a quarter of it after the active one was killed. */
const leaseTtlMs = 5000
const adoptEveryMs = 5000
/** What is not committed by then at a stop stays in the spool. */
const drainMs = 3000

/** The way of a reading: receive → decode → validate → spool → store. */
export async function startIngest(config: IngestConfig, log: Logger, version: string, seams: IngestSeams = {}): Promise<Ingest> {
  const now = createClock({
    ...(seams.wall === undefined ? {} : { wall: seams.wall }),
    onJump: (byMs) => log.warn({ byMs: Math.round(byMs) }, 'the clock of this machine has jumped; times of arrival go on as before'),
  })
  const onFault =
    seams.onFault ??
    ((error: unknown): void => {
      log.fatal({ err: error instanceof Error ? error.message : error }, 'ingest cannot go on: ending, the next start reads the spool again')
      process.exit(1)
    })
  let opened: Spool | null = null
  /** Readings that arrived, by topic class: counted here, since a labelled counter is looked up anew each time. */
  const arrived = new Map<string, number>()
  const work = { messages: 0, ms: 0 }
  let lastCommitAt: number | null = null
  const metrics = createMetrics({
    ...{ inFlight: () => opened?.depth ?? 0, spoolBytes: () => opened?.bytes ?? 0, spoolMaxBytes: config.spoolMaxBytes },
    ...{ arrived, work, lastCommitAt: () => lastCommitAt, version },
  })
  const { queryTimeoutMs = 60_000 } = seams
  const onDisconnected = (why: string): void => log.warn({ err: why }, 'database connection lost')
  // What is stored has a connection of its own, in its thread, so that nothing on the side keeps it waiting.
  const sidePool = createPool({
    connectionString: config.databaseUrl,
    applicationName: 'yiping-ingest-side',
    max: 4,
    queryTimeoutMs,
    onError: (error) => onDisconnected(error.message),
  })

  const onFailed = (error: unknown, attempt: number): void => {
    metrics.failures.inc()
    if (attempt === 1 || attempt % 20 === 0)
      log.warn({ err: error instanceof Error ? error.message : error, attempt }, 'the database did not take a batch, trying again')
  }
  const opensAlarms = (opened: readonly Severity[]): void => {
    for (const severity of opened) metrics.alarms.inc({ severity: String(severity) })
  }
  const onAlarmsFailed = (error: unknown, what: string): void => log.error({ err: error instanceof Error ? error.message : error }, what)
  const thread = new StoreThread({
    databaseUrl: config.databaseUrl,
    queryTimeoutMs,
    zone: config.zone,
    retryMs: [50, 100, 250, 500, 1000, 2000],
    traced: config.traces ? version : null,
    onAlarms: opensAlarms,
    onAlarmsFailed,
    onFailed,
    onRefused: (why) => log.error({ err: why }, 'the database refuses the data of a batch: looking for the readings at fault'),
    onDisconnected,
    onFault,
  })

  const registryFile = join(config.dataDir, 'spool', config.shard, 'registry.json')
  const room = new WaitingRoom()
  const checks = new AutomaticChecks()
  let housekeeping: Housekeeping | null = null
  let keeper: Lease | null = null
  const watch = new SilenceWatch({
    db: sidePool,
    now,
    lease: () => keeper?.state ?? 'other',
    onChanged: (changes) => opensAlarms(changes.opened.map((o) => o.severity)),
    onFailed: onAlarmsFailed,
  })
  const leads = (): boolean => keeper?.state === 'held'
  const combinations = new CombinationWatch({
    db: sidePool,
    now,
    leads,
    onChanged: (changes) => opensAlarms(changes.opened.map((o) => o.severity)),
    onFailed: onAlarmsFailed,
  })
  const causes = new CauseWatch({ db: sidePool, now, leads, onFailed: onAlarmsFailed })
  const normals = new NormalsKeeper({
    pool: sidePool,
    zone: config.zone,
    now,
    leads,
    onRefreshed: (hours) => log.info({ hours }, 'worked out what is normal for the hours of the week'),
    onFailed: onAlarmsFailed,
  })
  const know = (stations: readonly RegisteredStation[]): void => {
    thread.use(stations)
    watch.use(stations)
    combinations.use(stations)
  }
  const remembered = readRegistry(registryFile)
  if (remembered !== null) know(remembered)
  const registry = new RegistryKeeper(buildRegistry(remembered ?? []), {
    load: async () => {
      const stations = await loadRegistry(sidePool)
      room.load(await loadWaitingPlaces(sidePool))
      saveRegistry(registryFile, stations)
      know(stations)
      checks.retain(new Set(stations.flatMap((station) => station.points.map((p) => p.id))))
      return buildRegistry(stations)
    },
    now: () => performance.now(),
    askAgainMs: 2000,
    onLoaded: (stations) => {
      log.info({ stations }, 'registry loaded')
      housekeeping?.wantReplay()
    },
    onFailed: (error) => {
      const err = error instanceof Error ? error.message : error
      // At a first start the schema is made meanwhile; should it not come, the waiting below says so.
      if (!registry.loaded && isSchemaMissing(error)) log.info({ err }, 'the schema is not there yet')
      else log.warn({ err }, 'registry not loaded')
    },
  })
  await firstRegistry(registry, log)
  // Its start takes a core for a moment, which is better over before messages come.
  await thread.ready

  const spool = await Spool.open({
    folder: join(config.dataDir, 'spool', config.shard),
    shard: config.shard,
    maxBytes: config.spoolMaxBytes,
    segmentBytes: 4 * 1024 * 1024,
    windowReadings: 120_000,
    fsync: config.spoolFsync,
    syncEveryMs: 50,
    behindMs: 30_000,
    now,
    loadProgress: (stream) => loadProgress(sidePool, stream),
    onGone: (stream) => void forgetProgress(sidePool, stream).catch(() => {}),
    onDamage: (file, bytes) => {
      metrics.damagedBytes.inc(bytes)
      log.error({ file, bytes }, 'a part of the spool cannot be read; the segment is kept in the folder "damaged"')
    },
    onFull: (why) => {
      metrics.spoolFull.set(why === null ? 0 : 1)
      if (why === null) log.info({}, 'the spool has room again')
      else log.error({ why }, 'the spool takes nothing: messages stay at the broker until it does')
    },
    onFault,
    ...seams.spool,
  })
  opened = spool

  const validated = (message: MessageParts, decoded: Parameters<typeof toTicket>[1]): Ticket => {
    const ticket = toTicket(message, decoded, registry.current, room, config.retentionMs, checks)
    for (const r of ticket.readings) if (r.mark !== undefined) metrics.marked.inc({ mark: r.mark })
    watch.arrivals.hear(ticket.readings, ticket.receivedAt)
    arrived.set(ticket.source, (arrived.get(ticket.source) ?? 0) + ticket.received)
    if (ticket.sightings.length > 0) registry.ask()
    return ticket
  }
  const plain = new PlainMessages(config.retentionMs, checks)
  const plainly = ({ topic, bytes, from, to, receivedAt }: Omit<IncomingMessage, 'acknowledge' | 'payload'>): PlainMessage | null => {
    const read = plain.read(topic, bytes, from, to, receivedAt, registry.current)
    if (read === null) return null
    const { count, mark } = read.block
    for (let i = 0; i < count; i += 1) {
      const why = mark[i]
      if (why) metrics.marked.inc({ mark: why })
    }
    watch.arrivals.hearBlock(read.block, read.receivedAt)
    arrived.set(read.source, (arrived.get(read.source) ?? 0) + read.received)
    return read
  }
  /** Counted by hand, like what arrived: it is done for every message. */
  const timed = (began: number): void => {
    work.messages += 1
    work.ms += performance.now() - began
  }
  const ofJson = (message: MessageParts): Ticket => validated(message, decodeMessage(message.topic, message.payload))
  const writer = new Writer({
    spool,
    thread,
    lingerMs: 50,
    open: (message) => {
      const began = performance.now()
      const { payload } = message
      const entry = plainly({ ...message, bytes: payload, from: 0, to: payload.length }) ?? ofJson(message)
      timed(began)
      return entry
    },
    onStored: ({ outcome, rows, duplicate, conflict, held, rejected, ms, alarmMs, oldestAt }) => {
      lastCommitAt = now()
      if (oldestAt !== null) metrics.commitDelay.observe(Math.max(0, lastCommitAt - oldestAt) / 1000)
      metrics.batchSeconds.observe(ms / 1000)
      metrics.batchRows.observe(rows)
      if (alarmMs !== null) metrics.alarmSeconds.observe(alarmMs / 1000)
      if (!outcome.applied) return
      metrics.outcome.inc({ outcome: 'stored' }, outcome.stored)
      metrics.outcome.inc({ outcome: 'duplicate' }, outcome.duplicate + duplicate)
      metrics.outcome.inc({ outcome: 'conflict' }, outcome.conflict + conflict)
      metrics.outcome.inc({ outcome: 'waiting' }, held)
      metrics.late.inc(outcome.late)
      for (const r of rejected) {
        metrics.outcome.inc({ outcome: 'rejected' }, r.readings - r.held)
        metrics.rejected.inc({ reason: r.reason }, r.readings)
      }
      if (held > 0) housekeeping?.wantReplay()
    },
    retryMs: 250,
    onFailed,
  })
  writer.start(onFault)

  let nowSubscribed = (): void => {}
  const subscribed = new Promise<void>((resolve) => {
    nowSubscribed = resolve
  })
  const floods = new FloodGate()
  const gatewayTopic = buildTopic({ kind: 'gateway' })
  const take = (message: IncomingMessage): void => {
    const began = performance.now()
    const isSparkplug = message.topic.startsWith('spBv1.0/')
    let entry: Writable | null = isSparkplug || message.to - message.from < rawFromBytes ? null : asRaw(message)
    if (entry === null) {
      entry = isSparkplug ? validated(message, sparkplug.decode(message)) : (plainly(message) ?? ofJson(message))
      timed(began)
    }
    if (message.topic !== gatewayTopic && floods.over(message.topic, began)) {
      metrics.flooding.inc()
      entry.late = true
    }
    spool.add(entry, message)
  }

  const sparkplug = await SparkplugKeeper.open({
    db: sidePool,
    shard: config.shard,
    file: join(config.dataDir, 'spool', config.shard, 'sparkplug.json'),
    publish: (topic, payload) => source?.publish(topic, Buffer.from(payload)),
    onRebirth: (edge) => {
      metrics.rebirths.inc()
      log.debug(edge, 'asked an edge for its births')
    },
    onFailed: (error) => log.warn({ err: error instanceof Error ? error.message : error }, 'births of Sparkplug not kept'),
  })
  let source: MqttSource | null = null
  let active = false
  let sourceStopping: Promise<void> = Promise.resolve()
  const activate = async (): Promise<void> => {
    if (active || stopping) return
    active = true
    await sourceStopping
    await sparkplug.reload()
    if (!active || stopping) return
    // Another one of the shard may have stored since.
    thread.reloadAlarms()
    source = startMqttSource({
      url: config.mqttUrl,
      clientId: `yiping-ingest-${config.shard}`,
      protocol: config.mqttProtocol,
      topics: config.topics,
      login: config.mqttLogin,
      now,
      onMessage: take,
      onRedelivered: () => metrics.redelivered.inc(),
      room: () => spool.room(),
      ...seams.source,
      onState: (state, why) => {
        metrics.brokerUp.set(state === 'up' ? 1 : 0)
        log.info({ broker: state, why }, 'broker')
        if (state !== 'up') return
        nowSubscribed()
        sparkplug.connected()
      },
    })
    metrics.active.set(1)
  }
  const standBy = (): void => {
    active = false
    const gone = source
    if (gone === null) return
    source = null
    // From now on another one evaluates what comes.
    thread.reloadAlarms()
    metrics.active.set(0)
    metrics.brokerUp.set(0)
    sourceStopping = gone.stop()
  }

  let stopping = false
  const ttlMs = seams.leaseTtlMs ?? leaseTtlMs
  const lease = new Lease({
    db: sidePool,
    name: `shard:${config.shard}`,
    holder: spool.owner,
    ttlMs,
    everyMs: ttlMs / 4,
    ended: () => spool.ended,
    onChange: (state, by) => {
      log.info({ shard: config.shard, lease: state, by }, 'lease of the shard')
      decide(state)
    },
  })
  // A database that is away gives no lease to anybody: who was active goes on, a standby stays one, and who starts takes
  // the messages in, since there may be no other.
  const decide = (state: LeaseState): void => {
    if (state === 'other') standBy()
    else if (state === 'held') void activate().catch(onFault)
  }
  await lease.start()
  if (lease.state !== 'other') void activate().catch(onFault)
  keeper = new Lease({
    db: sidePool,
    name: 'housekeeping',
    holder: spool.owner,
    ttlMs,
    everyMs: ttlMs / 4,
    ended: () => spool.ended,
    onChange: (state) => {
      thread.lead(state === 'held')
      housekeeping?.wantReplay()
    },
  })
  await keeper.start()
  watch.start()
  combinations.start()
  causes.start()
  normals.start()
  housekeeping = new Housekeeping({
    pool: sidePool,
    mine: leads,
    onReplayed: (outcome) => {
      metrics.replayed.inc(outcome.stored + outcome.duplicate + outcome.conflict)
      log.info({ stored: outcome.stored }, 'held readings of newly registered points came in')
    },
    onRepaired: (repaired) => {
      metrics.repairedHours.inc(repaired.hours)
      log.info(repaired, 'roll-ups repaired after late readings')
    },
    onFailed: (error, what) => log.warn({ err: error instanceof Error ? error.message : error }, `${what} failed, trying again`),
    ...seams.housekeeping,
  })
  housekeeping.start()

  let deaf = false
  const listener = listen({
    connectionString: config.databaseUrl,
    channels: [registryChannel, alarmRuleChannel, statusChannel, linkChannel],
    onNotification: (channel, payload) => {
      if (channel === registryChannel) void registry.reload()
      else if (channel === linkChannel) watch.lookUp()
      else if (channel === statusChannel) {
        const said = parseStatus(payload)
        if (said !== null) watch.heard(said)
      } else {
        thread.reloadAlarms()
        watch.reload()
        combinations.reload()
      }
    },
    onConnected: () => {
      deaf = false
      thread.reloadAlarms()
      watch.reload()
      void registry.reload()
    },
    onDisconnected: (error) => {
      // Once an outage: it is tried again every two seconds.
      if (!deaf) log.warn({ err: error.message }, 'listening connection lost')
      deaf = true
    },
  })

  let saying = false
  const status = setInterval(() => {
    if (saying) return
    saying = true
    notify(
      sidePool,
      statusChannel,
      formatStatus({
        at: now(),
        shard: config.shard,
        role: source === null ? 'standby' : 'active',
        inFlight: spool.depth,
        spoolBytes: spool.bytes,
        spoolFull: spool.full !== null,
        broker: source?.state ?? 'down',
        lastCommitAt,
        version,
      }),
    )
      .catch(() => {})
      .finally(() => {
        saying = false
      })
  }, statusMs)
  let adopting = false
  const adopt = setInterval(() => {
    if (adopting) return
    adopting = true
    spool
      .adopt()
      .then((streams) => {
        if (streams === 0) return
        thread.reloadAlarms()
        log.info({ streams }, 'took over what an ended process left in the spool')
      })
      .catch((error: unknown) => log.warn({ err: String(error) }, 'the spool of an ended process was not taken over'))
      .finally(() => {
        adopting = false
      })
  }, adoptEveryMs)
  const server = config.metricsPort === null ? null : await serveMetrics(metrics.registry, config.metricsPort)

  return {
    subscribed,
    metrics,
    get role() {
      return source === null ? ('standby' as const) : ('active' as const)
    },
    async stop() {
      stopping = true
      clearInterval(status)
      clearInterval(adopt)
      standBy()
      await sourceStopping
      // The next one may begin while this one still stores.
      await lease.stop()
      await watch.stop()
      await causes.stop()
      await combinations.stop()
      await normals.stop()
      await housekeeping?.stop()
      await keeper?.stop()
      await spool.flush()
      await sparkplug.stop()
      await writer.stop(drainMs)
      await thread.end()
      const left = await spool.close()
      await listener.stop()
      server?.close()
      await sidePool.end()
      return left
    },
  }
}

/** Waits for the database and its schema, since services may start in any order; but not when the registry is known from before. */
async function firstRegistry(registry: RegistryKeeper, log: Logger): Promise<void> {
  for (let attempt = 1; ; attempt += 1) {
    await registry.reload()
    if (registry.loaded) return
    if (registry.current.size > 0) {
      log.warn({ stations: registry.current.size }, 'the database does not answer: going on with the registry of before')
      return
    }
    if (attempt % 10 === 0) log.warn({}, 'waiting for the database and its schema')
    await new Promise((resolve) => setTimeout(resolve, Math.min(200 * attempt, 2000)))
  }
}
