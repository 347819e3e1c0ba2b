export interface Counters {
  stored: number
  /** Settled in any other way. */
  lost: number
  statements: number
  statementMs: number
}

/** What ingest counts, from its /metrics. */
export async function readCounters(port: number): Promise<Counters> {
  const text = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
  const value = (name: string): number => Number(new RegExp(`^${name.replace(/[{}"]/g, '\\$&')} (\\S+)`, 'm').exec(text)?.[1] ?? 0)
  const settled = (outcome: string): number => value(`yiping_readings_settled_total{outcome="${outcome}"}`)
  return {
    stored: settled('stored'),
    lost: settled('duplicate') + settled('conflict') + settled('rejected'),
    statements: value('yiping_store_seconds_count'),
    statementMs: value('yiping_store_seconds_sum') * 1000,
  }
}
