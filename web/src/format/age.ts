/** An age in the one or two parts that a reader needs; `key` names the message that words it. */
export type Age = { key: 'age.s' | 'age.min' | 'age.h' | 'age.hm' | 'age.d' | 'age.dh'; named: Record<string, number> }

export function age(ms: number): Age {
  const s = Math.max(0, Math.floor(ms / 1000))
  if (s < 60) return { key: 'age.s', named: { s } }
  const min = Math.floor(s / 60)
  if (min < 60) return { key: 'age.min', named: { min } }
  const h = Math.floor(min / 60)
  if (h < 24) return min % 60 === 0 || h >= 10 ? { key: 'age.h', named: { h } } : { key: 'age.hm', named: { h, min: min % 60 } }
  const d = Math.floor(h / 24)
  return h % 24 === 0 || d >= 10 ? { key: 'age.d', named: { d } } : { key: 'age.dh', named: { d, h: h % 24 } }
}

const two = (n: number): string => String(n).padStart(2, '0')

/** A running clock: `03:41`, `26:50:07`. */
export function stopwatch(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000))
  const h = Math.floor(s / 3600)
  const rest = `${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`
  return h > 0 ? `${two(h)}:${rest}` : rest
}
