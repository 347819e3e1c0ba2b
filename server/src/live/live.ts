import { dayStart, type TruthCell } from '@yiping/contract'
import {
  alarmChannel,
  type BalanceSummary,
  checkBalance,
  committedChannel,
  endShelves,
  historyChannel,
  linkChannel,
  listen,
  type Listener,
  loadLinks,
  loadMarks,
  type OpenBalance,
  parseCommitted,
  parseStatus,
  passUpAlarms,
  type Pool,
  type ReadingKey,
  registryChannel,
  repairedPayload,
  statusChannel,
  sumBalance,
} from '@yiping/db'
import { LiveAlarms } from './alarms.ts'
import { City, type LiveStation } from './city.ts'
import { Coalesced } from './coalesce.ts'
import { freshPoints, survey, type Survey } from './compute-cells.ts'
import { Delays } from './delays.ts'
import { IngestFleet } from './fleet.ts'
import { IngestWatch } from './ingest-watch.ts'
import { loadCity, loadDay, pruneWindows } from './load-city.ts'
import type { Scene } from './scene.ts'
import { Trends } from './trends.ts'

export interface LiveOptions {
  databaseUrl: string
  pool: Pool
  zone: string
  origin: string | null
  now: () => number
  log: { info: (o: object, m: string) => void; warn: (o: object, m: string) => void }
}

/** A database whose connection stands but that has answered nothing for so long is down all the same. */
const databaseSilentMs = 15_000
/** A minute is settled when everything received in it has had time to commit. */
const settledMs = 10_000
const truthMs = 5000
const trendMs = 60_000
const shelvesMs = 1000
const passUpMs = 10_000
const ingestMs = 2000
/** What arrives older than this was kept back by its device or its broker: its age says so, the delay is about our way. */
const backFillMs = 60_000
const fullMs = 15 * 60_000
/** Repairs of roll-ups come one after another while a device sends what it kept: they are followed no more often. */
const repairedMs = 15_000
/** And loading for them takes at most so much of the time. */
const repairedShare = 0.05
const openBalanceMs = 24 * 3_600_000

/**
 * The live state of the server.
 *
 * | state   | leaves by                                        | to      |
 * |---------|--------------------------------------------------|---------|
 * | waiting | listening connection stands: load everything     | loading |
 * | loading | loaded, notifications of meanwhile applied       | live    |
 * | loading | a query failed: try again                        | loading |
 * | live    | listening connection lost                        | waiting |
 * | live    | registry changed, history changed: load again    | loading |
 *
 * The listener stands before the load begins, so that nothing falls between them; `apply` keeps the newer reading
 * whichever comes first. In `waiting` and `loading` the last state stays, ages by itself, and says so in the truth.
 */
export class Live implements Scene {
  city = new City([])
  readonly trends: Trends
  readonly alarms: LiveAlarms
  readonly delays = new Delays()
  #listener: Listener | null = null
  #timers: NodeJS.Timeout[] = []
  #connected = false
  #answeredAt = 0
  #loaded = false
  #since = new Map<string, number>()
  #pending: Promise<void> | null = null
  #again = false
  #queue: string[] = []
  readonly #fleet = new IngestFleet()
  readonly #ingest: IngestWatch
  #loadMs = 0
  #loadedAt: number | null = null
  readonly #repaired = new Coalesced(
    async () => {
      this.reload()
      await this.#pending
    },
    () => Math.max(repairedMs, this.#loadMs / repairedShare),
  )
  readonly #links = new Coalesced(() => this.#beside('links', () => this.#loadLinks()))
  readonly #marks = new Coalesced(() => this.#beside('marks', () => this.#loadMarks()))
  #unexplained = new Map<number, ReadingKey>()
  #balance: BalanceSummary | null = null
  #open: OpenBalance | null = null
  #lastCommitAt: number | null = null
  #day = 0
  #undelivered: number[] = []
  /** Told which stations have new values, once per notification; `null` when everything was loaded anew. */
  onChange: (stations: ReadonlySet<LiveStation> | null) => void = () => {}
  #stopped = false

  constructor(private readonly options: LiveOptions) {
    this.trends = new Trends(options.pool, options.zone)
    this.alarms = new LiveAlarms({ db: options.pool, now: options.now, log: options.log })
    this.#ingest = new IngestWatch({ db: options.pool, fleet: this.#fleet, alarms: this.alarms, now: options.now })
  }

  get database(): 'up' | 'down' {
    return this.#connected && this.options.now() - this.#answeredAt <= databaseSilentMs ? 'up' : 'down'
  }
  /** True once there is a state to show. */
  get loaded(): boolean {
    return this.#loaded
  }
  /** How long the last full load took. */
  get loadSeconds(): number {
    return this.#loadMs / 1000
  }
  since(what: string): number | null {
    if (what === 'database' && this.#connected && this.database === 'down') return this.#answeredAt
    return this.#since.get(what) ?? null
  }

  start(): void {
    const { databaseUrl, log, now } = this.options
    this.#since.set('database', now())
    this.#listener = listen({
      connectionString: databaseUrl,
      channels: [committedChannel, statusChannel, registryChannel, historyChannel, linkChannel, alarmChannel],
      onConnected: () => {
        this.#connected = true
        this.#answeredAt = now()
        this.#since.set('database', now())
        this.#ingest.listening(now())
        log.info({}, 'database connection stands')
        this.reload()
      },
      onDisconnected: (error) => {
        if (this.#connected) this.#since.set('database', now())
        this.#connected = false
        log.warn({ err: error.message }, 'database connection lost')
      },
      onNotification: (channel, payload) => this.#take(channel, payload),
    })
    const every = (ms: number, what: string, work: () => Promise<void>): void => {
      let busy = false
      this.#timers.push(
        setInterval(() => {
          if (busy || !this.#connected || !this.#loaded || this.#pending) return
          busy = true
          work()
            .catch((error: unknown) => log.warn({ err: String(error), what }, 'not refreshed'))
            .finally(() => {
              busy = false
            })
        }, ms),
      )
    }
    every(truthMs, 'truth', () => this.#loadTruth())
    every(trendMs, 'trends', () => this.trends.follow(this.city, now()))
    every(shelvesMs, 'shelves', async () => void (await endShelves(this.options.pool, now())))
    every(passUpMs, 'passing up', async () => void (await passUpAlarms(this.options.pool, now())))
    every(ingestMs, 'alarm of a silent ingest', () => this.#ingest.tick())
    every(fullMs, 'everything', async () => this.reload())
  }

  async stop(): Promise<void> {
    this.#stopped = true
    for (const t of this.#timers) clearInterval(t)
    await this.#listener?.stop()
    await Promise.all([this.#repaired.stop(), this.#links.stop(), this.#marks.stop(), this.alarms.stop()])
    await this.#pending?.catch(() => {})
  }

  /** Loads everything again; while one load runs, any number of further wishes become one more. */
  reload(): void {
    if (this.#pending) {
      this.#again = true
      return
    }
    this.#pending = this.#load().finally(() => {
      this.#pending = null
      if (this.#again && !this.#stopped) {
        this.#again = false
        this.reload()
      }
    })
  }

  async #load(): Promise<void> {
    const { pool, zone, now, log } = this.options
    for (let attempt = 1; this.#connected && !this.#stopped; attempt += 1) {
      try {
        const started = now()
        this.#queue = []
        const { city } = await loadCity(pool, zone, started)
        this.#answeredAt = now()
        await this.alarms.reload()
        if (!this.alarms.loaded) throw new Error('alarms not read')
        for (const payload of this.#queue.splice(0)) for (const reading of parseCommitted(payload)) city.apply(reading)
        city.remember(this.city)
        this.city = city
        this.#day = dayStart(started, zone)
        this.#loaded = true
        this.#loadedAt ??= now()
        this.onChange(null)
        await this.#loadTruth()
        await this.trends.reload(this.city, now())
        this.#loadMs = now() - started
        log.info({ stations: city.stations.length, ms: this.#loadMs }, 'live state loaded')
        return
      } catch (error) {
        if (attempt % 10 === 0) log.warn({ err: String(error) }, 'live state not loaded, trying again')
        await new Promise((resolve) => setTimeout(resolve, Math.min(200 * attempt, 2000)))
      }
    }
  }

  #take(channel: string, payload: string): void {
    if (channel === historyChannel && payload === repairedPayload) return this.#repaired.want()
    if (channel === registryChannel || channel === historyChannel) return this.reload()
    if (channel === alarmChannel) return this.alarms.take(payload)
    if (channel === linkChannel) return this.#links.want()
    if (channel === statusChannel) {
      const status = parseStatus(payload)
      if (status) this.#fleet.take(status, this.options.now())
      return
    }
    // Readings that come while a load runs go to the present state and are given to the next one too.
    if (this.#pending) this.#queue.push(payload)
    const now = this.options.now()
    const changed = new Set<LiveStation>()
    for (const reading of parseCommitted(payload)) {
      this.#lastCommitAt = now
      if (!this.city.apply(reading)) continue
      const station = this.city.point(reading.pointId)?.station
      if (station) changed.add(station)
      if (reading.quality === 'uncertain') this.#unexplained.set(reading.pointId, reading)
      if (this.#isMeasured(reading)) this.#undelivered.push(reading.observedAt)
    }
    if (this.#unexplained.size > 0) this.#marks.want()
    if (changed.size > 0) this.onChange(changed)
  }

  /**
   * Whether a reading tells of the delay of our way. Back-fill is late because its device was; and what was observed
   * before the whole way stood has waited for its start: at the broker, in a spool, or for this process.
   */
  #isMeasured({ observedAt, receivedAt }: { observedAt: number; receivedAt: number }): boolean {
    const { upAt } = this.#fleet
    if (upAt === null || this.#loadedAt === null) return false
    return receivedAt - observedAt < backFillMs && observedAt >= Math.max(upAt, this.#loadedAt)
  }

  /** What a further notification, or the next full load, makes good when it fails. */
  async #beside(what: string, work: () => Promise<void>): Promise<void> {
    await this.#pending?.catch(() => {})
    await work().catch((error: unknown) => this.options.log.warn({ err: String(error), what }, 'not refreshed'))
  }

  async #loadLinks(): Promise<void> {
    const links = await loadLinks(this.options.pool)
    const { city } = this
    const changed = new Set<LiveStation>()
    for (const [code, link] of links) {
      const station = city.byCode.get(code)
      if (station && link.online !== city.links.get(code)?.online) changed.add(station)
    }
    city.links = links
    if (changed.size > 0) this.onChange(changed)
  }

  async #loadMarks(): Promise<void> {
    const asked = [...this.#unexplained.values()]
    this.#unexplained.clear()
    const changed = this.city.applyMarks(await loadMarks(this.options.pool, asked))
    if (changed.size > 0) this.onChange(changed)
  }

  async #loadTruth(): Promise<void> {
    const { pool, zone, now } = this.options
    const settled = Math.floor((now() - settledMs) / 60_000) * 60_000
    this.#balance = await sumBalance(pool, dayStart(now(), zone), settled)
    this.#answeredAt = now()
    this.#open = await checkBalance(pool, settled - openBalanceMs, settled)
  }

  /** To be called when what was taken in since the last call leaves for the screens. */
  delivered(now: number): void {
    for (const observedAt of this.#undelivered) this.delays.add(now, now - observedAt)
    this.#undelivered = []
  }

  /** `stations`: only these are looked at, for a room that shows no others. */
  survey(now: number, stations?: readonly LiveStation[]): Survey {
    const today = dayStart(now, this.options.zone)
    if (this.#loaded && this.#connected && today !== this.#day) {
      this.#day = today
      loadDay(
        this.options.pool,
        this.city,
        this.city.stations.map((s) => s.registered),
        this.options.zone,
        now,
      )
        // As of when it is read: meanwhile the lines were followed on, and must not end where the day was asked for.
        .then(() => this.trends.reload(this.city, this.options.now()))
        .catch(() => this.reload())
    }
    pruneWindows(this.city, now)
    return survey(this.city, now, stations)
  }

  truth(now: number): TruthCell {
    const b = this.#balance
    return {
      points: freshPoints(this.city, now),
      delayP95Ms: this.delays.quantile(0.95, now),
      lastCommitAt: Math.max(this.#lastCommitAt ?? 0, this.#fleet.lastCommitAt ?? 0) || null,
      balanceCloses: this.#open?.closes ?? null,
      balanceOpen: { minutes: this.#open?.minutes ?? 0, difference: this.#open?.difference ?? 0 },
      balance: {
        received: b?.received ?? 0,
        stored: b?.stored ?? 0,
        duplicate: b?.duplicate ?? 0,
        conflict: b?.conflict ?? 0,
        rejected: b?.rejected ?? 0,
        waiting: b?.waiting ?? 0,
      },
      database: this.database,
      ...this.#fleet.summary(now),
      origin: this.options.origin,
    }
  }

  /** The ingest processes in words. */
  ingestProcesses(now: number): string {
    return this.#fleet.describe(now)
  }

  /** The ingest processes as each last spoke. */
  ingestShards(now: number): ReturnType<IngestFleet['processes']> {
    return this.#fleet.processes(now)
  }
}
