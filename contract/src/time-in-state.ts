/**
 * How long a point was in each of its states. A state holds from its reading until the next one, as long as the reading is not stale
 * (`freshness.ts`): beyond that it is not known, and so it is before the first reading.
 */
export interface StateSpan {
  /** Epoch ms. */
  since: number
  /** The code of the state; null: not known. */
  state: number | null
}

/** Where the state, or that it is known, changes; `readings` in order. Nothing is said of the time from `until` on. */
export function stateSpans(readings: readonly { at: number; value: number }[], staleAfterMs: number, until: number): StateSpan[] {
  const spans: StateSpan[] = []
  const enter = (since: number, state: number | null): void => {
    if (since < until && spans.at(-1)?.state !== state) spans.push({ since, state })
  }
  for (const [i, { at, value }] of readings.entries()) {
    enter(at, value)
    if (at + staleAfterMs < (readings[i + 1]?.at ?? until)) enter(at + staleAfterMs, null)
  }
  return spans
}

export interface TimeInState {
  /** Start of each bucket, epoch ms. */
  t: number[]
  /** Of each state that occurred, how long it lasted in each bucket. */
  states: { state: number; ms: number[] }[]
  /** How long nothing is known of. Together they are as long as the bucket. */
  unknownMs: number[]
}

/** `edges`: where buckets begin, in order, and behind them the end of the last one. `spans` in order; the one before the first edge counts. */
export function timeInState(spans: readonly StateSpan[], edges: readonly number[]): TimeInState {
  const t = edges.slice(0, -1)
  const byState = new Map<number, number[]>()
  const unknownMs = t.map(() => 0)
  const put = (i: number, state: number | null, ms: number): void => {
    let column = unknownMs
    if (state !== null) {
      column = byState.get(state) ?? t.map(() => 0)
      byState.set(state, column)
    }
    column[i] = (column[i] ?? 0) + ms
  }
  let next = 0
  let state: number | null = null
  for (const [i, from] of t.entries()) {
    const to = edges[i + 1] ?? from
    for (let at = from; at < to; ) {
      for (let span = spans[next]; span && span.since <= at; span = spans[next]) {
        state = span.state
        next += 1
      }
      const end = Math.min(to, spans[next]?.since ?? to)
      put(i, state, end - at)
      at = end
    }
  }
  return { t, states: [...byState].sort(([a], [b]) => a - b).map(([s, ms]) => ({ state: s, ms })), unknownMs }
}
