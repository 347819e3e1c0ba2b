import { choosingPool, type Pool, type ReadPool, replayedPosition, writtenPosition } from '@yiping/db'

export interface ReadDatabaseOptions {
  replica: Pool
  /** The primary, by connections of its own: few, so that history never takes those that the live state needs. */
  fallback: Pool
  /** The primary, to ask how far it is. */
  primary: Pool
  log: { info: (o: object, m: string) => void; warn: (o: object, m: string) => void }
  everyMs?: number
  /** A replica that is further behind is not asked, until it is nearly there again, ms. */
  farMs?: number
  nearMs?: number
}

/** How long positions are kept to tell the lag by: one that is longer behind is simply that long behind. */
const kept = 120

/**
 * Where history is read.
 *
 * | from    | leaves by                                      | to      |
 * |---------|------------------------------------------------|---------|
 * | replica | it cannot be reached, or is too far behind     | primary |
 * | primary | the replica answers and is nearly there again  | replica |
 *
 * How far it is behind is told by positions in the log and this process' clock, so that neither another machine's clock nor a
 * primary that writes nothing deceives. While the primary is away its replica is asked on, whatever it has.
 */
export class ReadDatabase {
  /** For whoever reads: each question goes where history is read at that moment. */
  readonly pool: ReadPool
  #from: 'replica' | 'primary' = 'replica'
  #lagMs: number | null = null
  readonly #written: { at: number; position: bigint }[] = []
  #timer: NodeJS.Timeout | null = null
  #looking: Promise<void> | null = null

  constructor(private readonly options: ReadDatabaseOptions) {
    const { replica, fallback } = options
    this.pool = choosingPool(
      () => (this.#from === 'replica' ? replica : fallback),
      (pool, error) => pool === replica && this.#turn('primary', String(error)),
    )
  }

  get from(): 'replica' | 'primary' {
    return this.#from
  }
  /** Null: it does not answer. */
  get lagMs(): number | null {
    return this.#lagMs
  }

  /** By their names in the metrics. */
  get pools(): [string, Pool][] {
    return [
      ['read', this.options.replica],
      ['read-primary', this.options.fallback],
    ]
  }

  start(): void {
    void this.look()
    this.#timer = setInterval(() => void this.look(), this.options.everyMs ?? 2000)
  }
  async stop(): Promise<void> {
    if (this.#timer) clearInterval(this.#timer)
    await this.#looking
    await Promise.all([this.options.replica.end(), this.options.fallback.end()])
  }

  /** Joins the look that is under way. */
  look(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = null
    })
    return this.#looking
  }

  async #look(): Promise<void> {
    const { replica, primary, farMs = 10_000, nearMs = 2000 } = this.options
    const at = performance.now()
    const written = await writtenPosition(primary).catch(() => null)
    if (written !== null && this.#written.push({ at, position: written }) > kept) this.#written.shift()
    let replayed: bigint | null
    try {
      replayed = await replayedPosition(replica)
    } catch (error) {
      this.#lagMs = null
      return this.#turn('primary', String(error))
    }
    this.#lagMs = replayed === null ? 0 : this.#behind(replayed, at)
    if (written === null || this.#lagMs <= nearMs) this.#turn('replica', 'it follows')
    else if (this.#lagMs > farMs) this.#turn('primary', `it is ${Math.round(this.#lagMs / 1000)} s behind`)
  }

  /** How long ago the first position was written that it has not replayed, ms. */
  #behind(replayed: bigint, now: number): number {
    const missing = this.#written.find(({ position }) => position > replayed)
    // What was written just before the look is on its way.
    return missing === undefined ? 0 : now - missing.at
  }

  #turn(from: 'replica' | 'primary', why: string): void {
    if (from === this.#from) return
    this.#from = from
    const { log } = this.options
    if (from === 'primary') log.warn({ why }, 'history is read from the primary')
    else log.info({}, 'history is read from the replica')
  }
}
