/**
 * City time: from `from` on it runs `speed` times as fast as the clock until it has caught up with it, and then with
 * it. It never runs ahead, so no reading has a time that ingest would refuse.
 */
export function createPace(from: number, speed: number, startedAt: number): (clock: number) => number {
  return (clock) => Math.min(clock, from + (clock - startedAt) * speed)
}
