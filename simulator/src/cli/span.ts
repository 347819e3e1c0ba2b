/** A length of time as people write it: 90s, 30m, 24h, 7d; milliseconds out, null for anything else. */
export function parseSpan(text: string): number | null {
  const found = /^(\d+(?:\.\d+)?)(ms|s|m|h|d)$/.exec(text)
  if (!found) return null
  const unit = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 }[found[2] ?? 'ms']
  return unit === undefined ? null : Number(found[1]) * unit
}
