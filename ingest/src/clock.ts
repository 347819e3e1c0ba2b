export interface ClockOptions {
  wall: () => number
  /** Runs forward only, ms. */
  steady: () => number
  /** A wall clock that is off by more than this has jumped, ms. */
  jumpMs: number
  /** A jump that lasts this long is the truth, ms. */
  acceptAfterMs: number
  onJump: (byMs: number) => void
}

/**
 * The time of arrival. It follows the wall clock, which time synchronisation moves a little all the time, but not its
 * jumps: an hour back and forth would put readings into the wrong minute, or refuse them as from the future. A jump
 * that stays is taken over.
 */
export function createClock(options: Partial<ClockOptions> = {}): () => number {
  const { wall = Date.now, steady = () => performance.now(), jumpMs = 2000, acceptAfterMs = 10 * 60_000, onJump = () => {} } = options
  let offset = wall() - steady()
  let jumpedAt: number | null = null
  return () => {
    const ran = steady()
    const off = wall() - ran - offset
    if (Math.abs(off) <= jumpMs) {
      offset += off
      jumpedAt = null
    } else if (jumpedAt === null) {
      jumpedAt = ran
      onJump(off)
    } else if (ran - jumpedAt >= acceptAfterMs) {
      offset += off
      jumpedAt = null
    }
    return Math.round(offset + ran)
  }
}
