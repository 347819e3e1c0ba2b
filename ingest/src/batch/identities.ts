/**
 * The rows of a batch by their identity, point and time. Nearly every point's readings come in the order of their times:
 * then it is enough to know its newest one.
 */
export class Identities {
  /** Row with the newest time of each point. */
  readonly #newest = new Map<number, number>()
  /** Row that was the newest of its point before this one, −1 for the first. */
  readonly #before: number[] = []
  /** All rows of the points whose readings came out of order, by time. */
  readonly #mixed = new Map<number, Map<number, number>>()

  /** `times`: of the rows, to which the caller adds. */
  constructor(private readonly times: readonly number[]) {}

  /** The row that has this identity already; else null, and the next row has it. */
  claim(point: number, time: number): number | null {
    const newest = this.#newest.get(point)
    if (newest !== undefined && time <= (this.times[newest] ?? 0)) return this.#claimBehind(point, newest, time)
    const row = this.times.length
    this.#newest.set(point, row)
    this.#before[row] = newest ?? -1
    if (this.#mixed.size > 0) this.#mixed.get(point)?.set(time, row)
    return null
  }

  #claimBehind(point: number, newest: number, time: number): number | null {
    let rows = this.#mixed.get(point)
    if (rows === undefined) {
      rows = new Map()
      for (let row = newest; row >= 0; row = this.#before[row] ?? -1) rows.set(this.times[row] ?? 0, row)
      this.#mixed.set(point, rows)
    }
    const had = rows.get(time)
    if (had !== undefined) return had
    rows.set(time, this.times.length)
    this.#before[this.times.length] = -1
    return null
  }
}
