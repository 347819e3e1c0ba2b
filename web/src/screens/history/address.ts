import { isoWithOffset, parseTime } from '@yiping/contract/screen'

/** More lines than this nobody tells apart. */
export const mostPoints = 8

const hourMs = 3_600_000
const dayMs = 24 * hourMs
export const presets = [
  { code: '1h', ms: hourMs },
  { code: '24h', ms: dayMs },
  { code: '7d', ms: 7 * dayMs },
  { code: '30d', ms: 30 * dayMs },
  { code: '1y', ms: 365 * dayMs },
] as const
export type Preset = (typeof presets)[number]
export const compares = ['day', 'week', 'year'] as const
export type Compare = (typeof compares)[number]
/** As the server calls them: the same by the city's calendar, where clocks were set in between and in leap years too. */
export const periodOf = { day: 'P1D', week: 'P7D', year: 'P1Y' } as const satisfies Record<Compare, string>
export const panels = ['distribution', 'duration', 'calendar', 'correlation'] as const
export type Panel = (typeof panels)[number]

/** Everything that the page shows, as its address says it. */
export interface Desk {
  /** `STATION:METRIC`, in the order in which they were chosen. */
  points: readonly string[]
  preset: Preset
  /** A span of its own, epoch ms; null: the preset, up to now. */
  own: { from: number; to: number } | null
  compare: Compare | null
  panel: Panel
  /** The point that the panels look at, and the one that it is compared with there. */
  focus: string | null
  other: string | null
  alarms: boolean
  rain: boolean
}

type Query = Readonly<Record<string, unknown>>
const text = (query: Query, key: string): string | null => (typeof query[key] === 'string' && query[key] !== '' ? query[key] : null)

export const partsOf = (name: string): { station: string; metric: string } => {
  const at = name.lastIndexOf(':')
  return { station: name.slice(0, at), metric: name.slice(at + 1) }
}
const isPoint = (name: string): boolean => /^[^:,]+:[^:,]+$/.test(name)

export function deskOf(query: Query): Desk {
  const points = [...new Set((text(query, 'points') ?? '').split(',').filter(isPoint))].slice(0, mostPoints)
  const from = parseTime(query.from)
  const to = parseTime(query.to)
  const chosen = (key: string): string | null => points.find((p) => p === query[key]) ?? null
  const focus = chosen('focus') ?? points[0] ?? null
  return {
    points,
    preset: presets.find((p) => p.code === query.span) ?? presets[1],
    own: from !== null && to !== null && from < to ? { from, to } : null,
    compare: compares.find((c) => c === query.compare) ?? null,
    panel: panels.find((p) => p === query.panel) ?? 'distribution',
    focus,
    other: [chosen('with'), ...points].find((p) => p !== null && p !== focus) ?? null,
    alarms: query.alarms !== '0',
    rain: query.rain === '1',
  }
}

/** What changes in the address; null takes a part out. Times stand there with the city's offset, so that they can be read. */
export function changeOf(part: Partial<Desk>, zone: string): Record<string, string | null> {
  const iso = (at: number): string => isoWithOffset(at, zone).replace(/\.000(?=[+-])/, '')
  const out: Record<string, string | null> = {}
  if (part.points) out.points = part.points.join(',') || null
  if (part.preset) Object.assign(out, { span: part.preset.code, from: null, to: null })
  if (part.own) Object.assign(out, { from: iso(part.own.from), to: iso(part.own.to) })
  if (part.compare !== undefined) out.compare = part.compare
  if (part.panel) out.panel = part.panel
  if (part.focus !== undefined) out.focus = part.focus
  if (part.other !== undefined) out.with = part.other
  if (part.alarms !== undefined) out.alarms = part.alarms ? null : '0'
  if (part.rain !== undefined) out.rain = part.rain ? '1' : null
  return out
}
