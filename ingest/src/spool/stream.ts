import { type FileHandle, mkdir, open, readdir, readFile, rename, rm, stat } from 'node:fs/promises'
import { basename, join } from 'node:path'
import { decodeFrame, findFrame, firstTicketAt } from './frame.ts'
import type { Group } from './group.ts'
import type { Portion } from './portion.ts'
import { Window } from './window.ts'

export interface StreamOptions {
  /** Folder of its segments. */
  folder: string
  /** Where segments go that could not be read whole, for whoever looks. */
  damagedFolder: string
  /** Its name in `spool_progress`: never used twice. */
  id: string
  /** A segment is closed beyond this many bytes. */
  segmentBytes: number
  /** Readings that wait in memory; what comes beyond is read from disk again. */
  windowReadings: number
  onDamage: (file: string, bytes: number) => void
  /** The test's place for a disk that is full. */
  write?: (file: FileHandle, bytes: Buffer, position: number) => Promise<void>
}

interface Segment {
  file: string
  firstSeq: number
  lastSeq: number
  bytes: number
  damaged: boolean
}

const nameOf = (firstSeq: number): string => `${String(firstSeq).padStart(15, '0')}.seg`

async function writeAll(file: FileHandle, bytes: Buffer, position: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    const { bytesWritten } = await file.write(bytes, done, bytes.length - done, position + done)
    if (bytesWritten === 0) throw Object.assign(new Error('the disk took nothing'), { code: 'ENOSPC' })
    done += bytesWritten
  }
}

/**
 * One row of tickets on disk, written at its end and read from its front. The front stays in memory (`window`) as long
 * as the database keeps up; when it does not, later tickets are on disk only and come back in order.
 *
 * Written and read by one owner in one process; `write` is not called before the last one has ended, nor `take` before
 * the last `take`. What was taken is settled in the order in which it was taken.
 */
export class SpoolStream {
  #segments: Segment[] = []
  #active: { handle: FileHandle; segment: Segment } | null = null
  #unsynced: FileHandle | null = null
  #nextSeq = 1
  #window = new Window()
  /** Taken and not settled: they leave the disk only by `settle`. In the order in which they were taken. */
  #taken: { seq: number; readings: number }[] = []
  /** Readings that this process has written and not kept in memory. */
  spilledReadings = 0
  /** Set while the window ends before the disk does: where reading goes on. */
  #readAt: { segment: Segment; offset: number } | null = null
  #loaded: { segment: Segment; bytes: Buffer } | null = null
  /** Everything up to it is in the database. */
  #settled = 0
  #known = true

  private constructor(readonly options: StreamOptions) {}

  static async create(options: StreamOptions): Promise<SpoolStream> {
    await mkdir(options.folder, { recursive: true })
    return new SpoolStream(options)
  }

  /** A stream that another process left behind. Before the first `take` it has to be told what the database has of it. */
  static async adopt(options: StreamOptions): Promise<SpoolStream> {
    const stream = new SpoolStream(options)
    const names = (await readdir(options.folder)).filter((n) => /^\d{15}\.seg$/.test(n)).sort()
    for (const name of names) {
      const file = join(options.folder, name)
      stream.#segments.push({ file, firstSeq: Number(name.slice(0, 15)), lastSeq: 0, bytes: (await stat(file)).size, damaged: false })
    }
    for (const [i, segment] of stream.#segments.entries()) segment.lastSeq = (stream.#segments[i + 1]?.firstSeq ?? Number.MAX_SAFE_INTEGER) - 1
    stream.#known = false
    const [first] = stream.#segments
    stream.#readAt = first ? { segment: first, offset: 0 } : null
    return stream
  }

  get known(): boolean {
    return this.#known
  }
  know(settled: number): void {
    this.#settled = settled
    this.#known = true
  }
  get id(): string {
    return this.options.id
  }
  get bytes(): number {
    return this.#segments.reduce((n, s) => n + s.bytes, 0)
  }
  /** Readings in memory. */
  get readings(): number {
    return this.#window.readings + this.#taken.reduce((n, t) => n + t.readings, 0)
  }
  /** Some tickets are on disk only. */
  get spilled(): boolean {
    return this.#readAt !== null
  }
  /** Something is left to take. */
  get waits(): boolean {
    return !this.#window.empty || this.#readAt !== null
  }
  /** Nothing is left to take, and what was taken is settled. */
  get empty(): boolean {
    return !this.waits && this.#taken.length === 0
  }
  /** Readings in memory that nobody has taken. */
  get untaken(): number {
    return this.#window.readings
  }
  /** Writes a group as one frame of at most `room` bytes. When it throws, nothing of it counts as written. */
  async write(group: Group, room = Number.POSITIVE_INFINITY): Promise<void> {
    const { tickets, readings } = group
    const frame = group.frame(this.#nextSeq)
    if (frame.length > room) throw Object.assign(new Error('the spool has reached its bound'), { code: 'ENOSPC' })
    const active = await this.#open()
    const start = active.segment.bytes
    try {
      await (this.options.write ?? writeAll)(active.handle, frame, start)
    } catch (error) {
      await active.handle.truncate(start).catch(() => {})
      throw error
    }
    active.segment.bytes += frame.length
    active.segment.lastSeq = this.#nextSeq + tickets - 1
    this.#unsynced = active.handle
    if (this.#readAt === null && this.#window.readings < this.options.windowReadings) this.#window.push(frame, firstTicketAt, this.#nextSeq, tickets)
    else {
      this.#readAt ??= { segment: active.segment, offset: start }
      this.spilledReadings += readings
    }
    this.#nextSeq += tickets
  }

  /** Takes a group past the disk: its messages are acknowledged by their commit. Only while nothing is spilled. */
  pass(group: Group): void {
    if (this.#readAt !== null) throw new Error('spool: a ticket may not pass those that are on disk')
    this.#window.push(group.frame(this.#nextSeq), firstTicketAt, this.#nextSeq, group.tickets, 0, group.owed)
    this.#nextSeq += group.tickets
  }

  /** On stable storage: everything that was written before the call. */
  async sync(): Promise<void> {
    const handle = this.#unsynced
    this.#unsynced = null
    await handle?.datasync()
  }

  async #open(): Promise<{ handle: FileHandle; segment: Segment }> {
    if (this.#active && this.#active.segment.bytes < this.options.segmentBytes) return this.#active
    if (this.#active) {
      const { handle } = this.#active
      await handle.datasync()
      this.#active = null
      this.#unsynced = null
      await handle.close()
    }
    const file = join(this.options.folder, nameOf(this.#nextSeq))
    const handle = await open(file, 'w')
    // A file that is synced but whose name is not may be gone after a power cut.
    const folder = await open(this.options.folder, 'r')
    await folder.sync().finally(() => folder.close())
    const segment: Segment = { file, firstSeq: this.#nextSeq, lastSeq: this.#nextSeq - 1, bytes: 0, damaged: false }
    this.#segments.push(segment)
    this.#active = { handle, segment }
    return this.#active
  }

  /** Whole tickets up to about `maxReadings`, never more than `hardLimit` unless the first alone has more. */
  async take(maxReadings: number, hardLimit: number): Promise<Portion | null> {
    if (this.#readAt !== null && this.#window.readings < maxReadings) await this.#fill()
    const portion = this.#window.take(maxReadings, hardLimit)
    if (portion !== null) this.#taken.push({ seq: portion.seq, readings: portion.readings })
    return portion
  }

  /** Everything up to `seq` is committed: segments that end there go. */
  async settle(seq: number): Promise<void> {
    if (seq > this.#settled) this.#settled = seq
    while (this.#taken[0] && this.#taken[0].seq <= seq) this.#taken.shift()
    await this.#drop()
  }

  /** Gives back the segment that is being written when everything in it is committed. */
  async compact(): Promise<void> {
    const active = this.#active?.segment
    if (active === undefined || active.lastSeq > this.#settled || this.#readAt !== null) return
    await this.seal()
    await this.#drop()
  }

  async #drop(): Promise<void> {
    for (;;) {
      const [first] = this.#segments
      if (first === undefined || first.lastSeq > this.#settled || first === this.#active?.segment || first === this.#readAt?.segment) return
      this.#segments.shift()
      if (this.#loaded?.segment === first) this.#loaded = null
      if (first.damaged) {
        await mkdir(this.options.damagedFolder, { recursive: true })
        await rename(first.file, join(this.options.damagedFolder, `${this.id.replaceAll('/', '_')}-${basename(first.file)}`))
      } else await rm(first.file, { force: true })
    }
  }

  /** Reads on until the window is full or the disk has no more. */
  async #fill(): Promise<void> {
    while (this.#readAt !== null && this.#window.readings < this.options.windowReadings) {
      const { segment, offset } = this.#readAt
      if (this.#loaded?.segment !== segment || this.#loaded.bytes.length < segment.bytes)
        this.#loaded = { segment, bytes: (await readFile(segment.file)).subarray(0, segment.bytes) }
      const { bytes } = this.#loaded
      const frame = decodeFrame(bytes, offset)
      if (frame !== null) {
        const had = Math.max(this.#window.lastSeq ?? this.#taken.at(-1)?.seq ?? 0, this.#settled)
        const readings = this.#window.push(bytes, frame.at, frame.firstSeq, frame.tickets, had)
        this.spilledReadings = Math.max(0, this.spilledReadings - readings)
        this.#nextSeq = Math.max(this.#nextSeq, frame.firstSeq + frame.tickets)
        this.#readAt = { segment, offset: frame.end }
      } else if (offset < bytes.length) this.#skip(segment, bytes, offset)
      // Frames that were written meanwhile have made the segment longer.
      if (this.#readAt.offset >= segment.bytes) this.#advance(segment)
    }
    if (this.#readAt === null) this.#loaded = null
    await this.#drop()
  }

  #advance(segment: Segment): void {
    const next = this.#segments[this.#segments.indexOf(segment) + 1]
    if (next === undefined && segment.lastSeq > this.#nextSeq) segment.lastSeq = this.#nextSeq - 1
    this.#readAt = next ? { segment: next, offset: 0 } : null
  }

  /**
   * No sound frame at `offset`. At the end of the last segment that is the write that a crash cut short; its messages
   * were not acknowledged. Anywhere else the disk has lost something: the segment is kept aside for whoever looks.
   */
  #skip(segment: Segment, bytes: Buffer, offset: number): void {
    const next = findFrame(bytes, offset + 1)
    const torn = next === null && segment === this.#segments.at(-1)
    if (!torn) {
      segment.damaged = true
      this.options.onDamage(segment.file, (next ?? bytes.length) - offset)
    }
    this.#readAt = { segment, offset: next ?? bytes.length }
  }

  /** No more is written to it. */
  async seal(): Promise<void> {
    const active = this.#active
    if (active === null) return
    await active.handle.datasync()
    this.#active = null
    this.#unsynced = null
    await active.handle.close()
  }

  /** Closes the files; removes the folder when nothing in it is needed any more. Answers whether it went. */
  async close(): Promise<boolean> {
    await this.seal()
    if (!this.empty) return false
    await this.#drop()
    if (this.#segments.length > 0) return false
    await rm(this.options.folder, { recursive: true, force: true })
    return true
  }
}
