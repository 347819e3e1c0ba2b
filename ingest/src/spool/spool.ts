import { randomBytes } from 'node:crypto'
import { mkdir, readdir, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay, setImmediate as turn } from 'node:timers/promises'
import { acquireLock } from '@yiping/db'
import { Group, type Owed } from './group.ts'
import type { Portion } from './portion.ts'
import { SpoolStream, type StreamOptions } from './stream.ts'
import type { Writable } from './ticket-codec.ts'

export interface SpoolOptions {
  /** `DATA_DIR/spool/<shard>`: shared by all processes of a shard on this machine. */
  folder: string
  shard: string
  maxBytes: number
  segmentBytes: number
  /** Readings of a stream that wait in memory. */
  windowReadings: number
  /** `always`: a message is acknowledged after fdatasync; `group`: after write(), fdatasync within `syncEveryMs`. */
  fsync: 'always' | 'group'
  syncEveryMs: number
  /** A live stream that has spilled and is this far behind becomes back-fill when the database is back, ms. */
  behindMs: number
  now: () => number
  /** What of a stream is in the database already. */
  loadProgress: (stream: string) => Promise<number>
  /** Nothing of that stream will come again. */
  onGone: (stream: string) => void
  onDamage: (file: string, bytes: number) => void
  /** `full` and why, or null when writing goes on. */
  onFull: (why: string | null) => void
  /** fdatasync failed: what the disk holds is unknown, so the process must end and read it again. */
  onFault: (error: unknown) => void
  write?: StreamOptions['write']
}

/** What one statement stores: everything of the stream after the last one and up to `seq`. */
export interface Turn extends Portion {
  stream: SpoolStream
  /** Back-fill: at most `maxLate` of it. */
  late: boolean
}

/** Messages on their way to disk: what comes while one group is written becomes the next. */
interface Lane {
  late: boolean
  next: Group
  writing: Group
}

/** Readings on their way to disk before the source has to wait. */
const maxPending = 20_000
const retryFullMs = 250
/** Messages of fewer readings than this are gathered, from the last write on for so long, and looked after so often. */
const gatherReadings = 2000
const gatherMs = 10
const gatherStepMs = 2
const damagedName = 'damaged'
const endedKept = 100
/** Names of owners begin with the moment of their start, at one length; of their streams `live-2` comes before `live-10`. */
const byStart = (a: { name: string }, b: { name: string }): number => (a.name < b.name ? -1 : 1)
const byNumber = (a: string, b: string): number => a.localeCompare(b, 'en', { numeric: true })
/** Live statements in a row before back-fill has one. */
const livePerLate = 4

/**
 * The durable spool between validation and database. Every message is on disk before its PUBACK, and leaves the disk
 * after its commit.
 *
 * `<folder>/<owner>/` belongs to one process, by the lock beside it; it holds streams: `live-n`, `late-n`. What the
 * owner of a folder leaves behind is adopted by whoever finds the lock free.
 *
 * When the disk is full or the bound is reached: nothing more is acknowledged, `room()` stays pending, so that the source
 * stops reading; what is spooled goes on to the database. While nothing is spilled, messages pass to the database without
 * the disk and are acknowledged by their commit.
 */
export class Spool {
  /** Name of this process in the folder: used once. */
  readonly owner: string
  #live!: SpoolStream
  #late!: SpoolStream
  #backlog: SpoolStream[] = []
  /** Of it, the little that was live when its owner ended: stored before what is live now, so that alarms see readings in their order. */
  #heirlooms = new Set<SpoolStream>()
  /** Owners that have ended without giving their folder back, newest last. */
  readonly ended: string[] = []
  #adopted = new Map<string, { release: () => void; left: number }>()
  readonly #lanes: [Lane, Lane] = [
    { late: false, next: new Group(), writing: new Group() },
    { late: true, next: new Group(), writing: new Group() },
  ]
  #pendingReadings = 0
  #writing: Promise<void> | null = null
  #full: string | null = null
  #rooms: (() => void)[] = []
  #wakers: (() => void)[] = []
  #spaceWaker: (() => void) | null = null
  #setAside = false
  #syncTimer: NodeJS.Timeout | null = null
  #streams = 0
  #gatheredAt = 0
  #turns = 0
  #closing = false
  #release: () => void = () => {}

  private constructor(private readonly options: SpoolOptions) {
    this.owner = `${options.now().toString(36)}-${randomBytes(4).toString('hex')}`
  }

  static async open(options: SpoolOptions): Promise<Spool> {
    const spool = new Spool(options)
    await mkdir(options.folder, { recursive: true })
    const lock = acquireLock(join(options.folder, spool.owner))
    if (!lock.ok) throw new Error(`spool: ${lock.path} is held by process ${lock.pid}`)
    spool.#release = lock.release
    spool.#live = await spool.#create('live')
    spool.#late = await spool.#create('late')
    await spool.adopt()
    return spool
  }

  get bytes(): number {
    return this.#all().reduce((n, s) => n + s.bytes, 0)
  }
  /** Readings in memory, on their way to disk or to the database. */
  get readings(): number {
    return this.#pendingReadings + this.#all().reduce((n, s) => n + s.readings, 0)
  }
  /** Readings that are not in the database; of a stream that was adopted, those that have been read again. */
  get depth(): number {
    return this.readings + this.#all().reduce((n, s) => n + s.spilledReadings, 0)
  }
  /** There is something to take. */
  get waits(): boolean {
    return this.#all().some((s) => s.waits)
  }
  /** Readings of live messages in memory that nobody has taken. */
  get untaken(): number {
    return this.#live.untaken
  }
  get liveWaits(): boolean {
    return this.#live.waits
  }
  get empty(): boolean {
    return this.#pendingReadings === 0 && this.#all().every((s) => s.empty)
  }
  /** Live readings are no longer all in memory. */
  get liveSpilled(): boolean {
    return this.#live.spilled
  }
  get full(): string | null {
    return this.#full
  }

  #all(): SpoolStream[] {
    return [this.#live, this.#late, ...this.#backlog]
  }

  async #create(kind: 'live' | 'late'): Promise<SpoolStream> {
    this.#streams += 1
    const name = `${kind}-${this.#streams}`
    return SpoolStream.create(this.#streamOptions(this.owner, name))
  }

  #streamOptions(owner: string, name: string): StreamOptions {
    const { folder, shard, segmentBytes, windowReadings, onDamage, write } = this.options
    return {
      folder: join(folder, owner, name),
      damagedFolder: join(folder, damagedName),
      id: `${shard}/${owner}/${name}`,
      segmentBytes,
      windowReadings,
      onDamage,
      ...(write === undefined ? {} : { write }),
    }
  }

  /**
   * Takes over the folders whose owners have ended. What the database knows of their progress is asked for when their
   * turn comes, so that adopting does not wait for it. Answers how many streams came.
   */
  async adopt(): Promise<number> {
    const { folder } = this.options
    let came = 0
    // Oldest first.
    for (const entry of (await readdir(folder, { withFileTypes: true })).sort(byStart)) {
      if (!entry.isDirectory() || entry.name === damagedName || entry.name === this.owner || this.#adopted.has(entry.name)) continue
      const lock = acquireLock(join(folder, entry.name))
      if (!lock.ok) continue
      this.ended.push(entry.name)
      this.ended.splice(0, this.ended.length - endedKept)
      const names = (await readdir(join(folder, entry.name), { withFileTypes: true }))
        .filter((e) => e.isDirectory())
        .map((e) => e.name)
        .sort(byNumber)
      this.#adopted.set(entry.name, { release: lock.release, left: names.length })
      for (const name of names) {
        const stream = await SpoolStream.adopt(this.#streamOptions(entry.name, name))
        this.#backlog.push(stream)
        if (name.startsWith('live') && stream.bytes <= this.options.segmentBytes) this.#heirlooms.add(stream)
      }
      came += names.length
      if (names.length === 0) await this.#dismiss(entry.name)
    }
    if (came > 0) this.#wake()
    return came
  }

  async #dismiss(owner: string): Promise<void> {
    await rm(join(this.options.folder, owner), { recursive: true, force: true })
    this.#adopted.get(owner)?.release()
    this.#adopted.delete(owner)
  }

  add(entry: Writable, owed: Owed): void {
    this.#pendingReadings += this.#lanes[entry.late ? 1 : 0].next.add(entry, owed)
    this.#writing ??= this.#writeGroups().catch((error: unknown) => this.options.onFault(error))
  }

  /** Null when there is room, else a promise of it. */
  room(): Promise<void> | null {
    if (this.#pendingReadings < maxPending && (this.#full === null || this.#pendingReadings === 0)) return null
    return new Promise((resolve) => this.#rooms.push(resolve))
  }

  async #writeGroups(): Promise<void> {
    // Whatever the socket brings in one go becomes one group.
    await turn()
    while (this.#pendingReadings > 0) {
      await this.#gather()
      if (this.#setAside) await this.#setLiveAside().catch((error: unknown) => this.#setFull(String(error)))
      let stuck = false
      for (const lane of this.#lanes) if (!(await this.#writeNext(lane))) stuck = true
      if (!stuck) this.#wake()
      else if (this.#closing) break
      else {
        await this.#waitForSpace()
        this.#wake()
      }
    }
    // Here, not when the promise resolves: what is added in between would find a writer that has ended.
    this.#writing = null
  }

  /**
   * Under load the socket brings few messages at a time, and each group costs a write, a PUBACK and their wakings, here and in the
   * broker: one that closely follows another waits for company, as long as more comes. A broker that sends no more before its PUBACKs
   * is not kept waiting.
   */
  async #gather(): Promise<void> {
    const until = this.#gatheredAt + gatherMs
    for (let had = 0; this.#pendingReadings > had && this.#pendingReadings < gatherReadings && performance.now() < until && !this.#closing; ) {
      had = this.#pendingReadings
      await delay(gatherStepMs)
    }
    this.#gatheredAt = performance.now()
  }

  /** False when the disk takes nothing and the messages must wait; they stay un-acknowledged. */
  async #writeNext(lane: Lane): Promise<boolean> {
    if (lane.writing.empty) [lane.writing, lane.next] = [lane.next, lane.writing]
    const group = lane.writing
    if (group.empty) return true
    const stream = lane.late ? this.#late : this.#live
    const { maxBytes, fsync } = this.options
    try {
      if (this.bytes > maxBytes / 2) for (const s of [this.#live, this.#late]) await s.compact()
      // An empty spool takes any message, however large.
      await stream.write(group, this.bytes === 0 ? undefined : maxBytes - this.bytes)
    } catch (error) {
      this.#setFull(error instanceof Error ? error.message : String(error))
      if (stream.spilled || stream.readings >= this.options.windowReadings) return false
      stream.pass(group)
      this.#forget(group)
      return true
    }
    if (fsync === 'always') await this.#sync(stream)
    else this.#syncSoon()
    for (const owed of group.owed) owed.acknowledge()
    if (this.#full !== null) this.#setFull(null)
    this.#forget(group)
    return true
  }

  #forget(group: Group): void {
    this.#pendingReadings -= group.readings
    group.clear()
    if (this.#pendingReadings < maxPending) for (const go of this.#rooms.splice(0)) go()
  }

  #setFull(why: string | null): void {
    if ((this.#full === null) !== (why === null)) this.options.onFull(why)
    this.#full = why
  }

  async #waitForSpace(): Promise<void> {
    await new Promise<void>((resolve) => {
      const go = (): void => {
        clearTimeout(timer)
        this.#spaceWaker = null
        resolve()
      }
      const timer = setTimeout(go, retryFullMs)
      this.#spaceWaker = go
    })
  }

  #syncSoon(): void {
    this.#syncTimer ??= setTimeout(() => {
      void Promise.all([this.#sync(this.#live), this.#sync(this.#late)]).then(() => {
        this.#syncTimer = null
      })
    }, this.options.syncEveryMs)
  }

  async #sync(stream: SpoolStream): Promise<void> {
    try {
      await stream.sync()
    } catch (error) {
      this.options.onFault(error)
      // Nothing is acknowledged on the word of a disk that has lost something.
      await new Promise(() => {})
    }
  }

  #wake(): void {
    for (const go of this.#wakers.splice(0)) go()
  }

  /** Resolves when there is something to take, or at `rouse`. */
  async arrival(): Promise<void> {
    if (!this.waits) await this.grown()
  }

  /** Resolves when more has come, or at `rouse`. */
  grown(): Promise<void> {
    return new Promise((resolve) => this.#wakers.push(resolve))
  }

  /** Lets go whoever waits for an arrival. */
  rouse(): void {
    this.#wake()
  }

  /**
   * What the next statement stores: the little that an ended process left of its live readings, then live ones; back-fill (at
   * most `maxLate`) each fifth time or when live has nothing.
   */
  async take(maxReadings: number, hardLimit: number, maxLate = maxReadings): Promise<Turn | null> {
    const others = [...this.#backlog, this.#late].filter((s) => s.waits)
    this.#turns += 1
    const order: SpoolStream[] = []
    // Each other stream in its turn.
    const other = others[Math.floor(this.#turns / (livePerLate + 1)) % Math.max(1, others.length)]
    // All of them before what is live: one whose readings were all committed gives nothing, and says so only when it is read.
    const heirlooms = others.filter((s) => this.#heirlooms.has(s))
    if (heirlooms.length > 0) order.push(...heirlooms, this.#live)
    else if (other !== undefined && (!this.#live.waits || this.#turns % (livePerLate + 1) === 0)) order.push(other, this.#live)
    else order.push(this.#live, ...(other ? [other] : []))
    for (const stream of order) {
      if (!stream.waits) continue
      if (!stream.known) stream.know(await this.options.loadProgress(stream.id))
      const late = stream !== this.#live && !this.#heirlooms.has(stream)
      const taken = await stream.take(late ? maxLate : maxReadings, hardLimit)
      if (taken !== null) return { ...taken, stream, late }
      await this.#retire(stream)
    }
    return null
  }

  /** After an outage: live readings do not queue behind those of hours ago. The group writer does it, between two frames. */
  #wantAside(done: Turn): void {
    if (done.stream !== this.#live || !this.#live.spilled) return
    if (this.options.now() - done.receivedAt >= this.options.behindMs) this.#setAside = true
  }

  async #setLiveAside(): Promise<void> {
    this.#setAside = false
    const before = this.#live
    if (!before.spilled) return
    await before.seal()
    this.#live = await this.#create('live')
    this.#backlog.push(before)
  }

  async settle(done: Turn): Promise<void> {
    await done.stream.settle(done.seq)
    this.#wantAside(done)
    for (const owed of done.owed) owed.acknowledge()
    this.#spaceWaker?.()
    if (done.stream.empty) await this.#retire(done.stream)
  }

  /** A stream of the past that has nothing left leaves its folder. */
  async #retire(stream: SpoolStream): Promise<void> {
    const i = this.#backlog.indexOf(stream)
    if (i < 0 || !stream.empty) return
    this.#backlog.splice(i, 1)
    this.#heirlooms.delete(stream)
    if (await stream.close()) this.options.onGone(stream.id)
    const owner = stream.id.split('/').at(-2) ?? ''
    const adopted = this.#adopted.get(owner)
    if (adopted === undefined) return
    adopted.left -= 1
    if (adopted.left === 0) await this.#dismiss(owner)
  }

  /** Resolves when everything that was added is on disk (or cannot be). */
  async flush(): Promise<void> {
    this.#closing = true
    await this.#writing
  }

  /** Writes what is pending if the disk takes it, and gives back the folders. Answers how many readings are left for the next start. */
  async close(): Promise<number> {
    this.#closing = true
    await this.#writing
    if (this.#syncTimer) clearTimeout(this.#syncTimer)
    const left = this.readings
    let gone = 0
    for (const stream of [this.#live, this.#late]) {
      if (!(await stream.close())) continue
      this.options.onGone(stream.id)
      gone += 1
    }
    for (const stream of this.#backlog) await stream.close()
    if (gone === 2 && !this.#backlog.some((s) => s.id.split('/').at(-2) === this.owner))
      await rm(join(this.options.folder, this.owner), { recursive: true, force: true })
    for (const { release } of this.#adopted.values()) release()
    this.#release()
    return left
  }
}
