import { advance, type CounterLevel, type CounterLimits, type CounterReading, type CounterState } from './counter.ts'

/**
 * What a meter counted between any two moments is the difference of its readings there, and what stands here: by how much each reading
 * counted otherwise than by its difference to the one before it. Nearly all readings of a meter have nothing to say.
 *
 * | reading                                      | counted                    | so it is corrected by            |
 * |----------------------------------------------|----------------------------|----------------------------------|
 * | on the line                                  | its difference             | 0                                |
 * | a corrupt frame, or one that nobody confirms | 0                          | its difference, taken back       |
 * | the one after a corrupt frame                | since the last right one   | what the frame had beside it     |
 * | after a roll-over, a reset, another meter    | what `counter.ts` says     | the drop or the jump             |
 * | a step back within rounding, and its return  | 0, and what goes beyond it | the step                         |
 *
 * The rule is that of `counter.ts`; told in hindsight: what was counted before and turned out to be a corrupt frame counts nothing
 * at its own time, and the reading that was held counts at its own.
 */
export interface CounterCorrection {
  /** Of the reading, epoch ms. */
  at: number
  correction: number
  /** What follows rests on more than this reading and the one before it. */
  open: boolean
}

/** Two readings, one behind the other, after which a meter counts plainly; `before` is null for the first reading of all. */
export interface PlainStart {
  before: CounterLevel | null
  last: CounterLevel
}

/** The difference is counted by any rule, whatever came before. */
export const isPlainPair = (a: CounterLevel, b: CounterLevel, { maxRatePerHour }: CounterLimits): boolean =>
  b.value >= a.value && (b.value - a.value) * 3_600_000 <= maxRatePerHour * (b.at - a.at)

const sameLevel = (a: CounterLevel | null, b: CounterLevel | null): boolean => a?.at === b?.at && a?.value === b?.value

export class CounterRun {
  readonly corrections = new Map<number, CounterCorrection>()
  #state: CounterState | null
  #last: CounterLevel | null
  /** What was counted since the reading before the level: all that may still be taken back. */
  #gains: { at: number; by: number }[] = []

  constructor(
    private readonly limits: CounterLimits,
    start: PlainStart | null,
  ) {
    this.#last = start?.last ?? null
    this.#state = start && { level: start.last, before: start.before, suspect: null, earlier: 0, from: start.last.value }
  }

  /** Readings in order of their observation; bad ones are as though they never came. */
  take(reading: CounterReading): CounterCorrection | null {
    const before = this.#state
    const { state, what, delta } = advance(before, reading, this.limits)
    if (what === 'ignored' || state === null) return null
    const last = this.#last
    const own: CounterLevel = { at: reading.at, value: reading.value }
    const plain = state.suspect === null && sameLevel(state.level, own) && sameLevel(state.before, last)
    const step: CounterCorrection = { at: own.at, correction: last === null ? 0 : last.value - own.value, open: !plain }
    this.#state = state
    this.#last = own
    this.corrections.set(own.at, step)
    if (before === null || what === 'opened' || what === 'held') return step
    const { level, suspect } = before
    if (what === 'counted' || what === 'dropped' || suspect === null) this.#gain(own.at, state.level.value - level.value)
    else {
      // What was counted by frames that turned out to be none.
      let taken = 0
      if (what === 'mended')
        for (let last = this.#gains.pop(); last; last = this.#gains.pop()) {
          taken += last.by
          this.#correct(last.at, -last.by)
        }
      const since = state.level.value - suspect.value
      this.#gain(suspect.at, delta + taken - since)
      this.#gain(own.at, since)
    }
    this.#gains = this.#gains.filter((g) => state.before === null || g.at > state.before.at)
    return step
  }

  #gain(at: number, by: number): void {
    this.#gains.push({ at, by })
    this.#correct(at, by)
  }

  #correct(at: number, by: number): void {
    const step = this.corrections.get(at)
    if (step) step.correction += by
    else if (by !== 0) this.corrections.set(at, { at, correction: by, open: false })
  }
}
