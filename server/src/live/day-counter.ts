import { advance, type CounterLimits, type CounterReading, type CounterState, counterTotal, freshLimitMs } from '@yiping/contract'

/** How far before midnight a reading may lie that opens the day. */
export const openingLookBackMs = 2 * 3_600_000

/**
 * What one meter counted since the day began, fed with its readings in order of observation: from the database at the
 * start, one by one while it runs. A total for the day needs the reading that the day opened with.
 *
 * | the first reading is                                        | total                                   |
 * |-------------------------------------------------------------|-----------------------------------------|
 * | at midnight or up to two hours before                       | since the last reading before midnight  |
 * | of the day, no later than a report due at midnight may come  | since that reading                      |
 * | later, or there is none                                     | null: what came before it is not known  |
 */
export class DayCounter {
  #state: CounterState | null = null
  #opening: number | null = null

  constructor(
    private readonly limits: CounterLimits,
    private readonly dayStart: number,
    private readonly intervalS: number,
  ) {}

  take(reading: CounterReading): void {
    const before = this.#state
    const { state, what } = advance(before, reading, this.limits)
    this.#state = state
    if (state === null) return
    if (reading.at <= this.dayStart) this.#opening = counterTotal(state)
    else if (what === 'opened') this.#opening = reading.at - this.dayStart <= freshLimitMs(this.intervalS) ? 0 : null
    else if (what === 'mended' && this.#opening !== null && before?.before && before.level.at <= this.dayStart)
      // The reading that the day opened with turned out to be a corrupt frame.
      this.#opening -= before.level.value - before.before.value
  }

  get total(): number | null {
    return this.#state === null || this.#opening === null ? null : counterTotal(this.#state) - this.#opening
  }
}
