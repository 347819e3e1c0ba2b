/** So many in any minute, and no more. */
export function createAllowance(perMinute: number, now: () => number): { take(): boolean } {
  let taken: number[] = []
  return {
    take() {
      const at = now()
      taken = taken.filter((t) => Math.abs(at - t) < 60_000)
      if (taken.length >= perMinute) return false
      taken.push(at)
      return true
    },
  }
}
