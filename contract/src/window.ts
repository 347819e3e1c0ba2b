/** Days and hours of the city's zone. Inside, time is epoch milliseconds UTC; the zone appears only here. */

const formatters = new Map<string, Intl.DateTimeFormat>()
function formatter(zone: string): Intl.DateTimeFormat {
  let f = formatters.get(zone)
  if (!f) {
    f = new Intl.DateTimeFormat('en-CA', {
      timeZone: zone,
      hourCycle: 'h23',
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      minute: '2-digit',
      second: '2-digit',
    })
    formatters.set(zone, f)
  }
  return f
}

export interface LocalTime {
  year: number
  month: number
  day: number
  hour: number
  minute: number
  second: number
}

export function localTime(at: number, zone: string): LocalTime {
  const part: Record<string, number> = {}
  for (const p of formatter(zone).formatToParts(at)) if (p.type !== 'literal') part[p.type] = Number(p.value)
  return {
    year: part.year ?? 0,
    month: part.month ?? 0,
    day: part.day ?? 0,
    hour: part.hour ?? 0,
    minute: part.minute ?? 0,
    second: part.second ?? 0,
  }
}

/** Milliseconds that the zone's wall clock is ahead of UTC at that moment. */
export function zoneOffsetMs(at: number, zone: string): number {
  const l = localTime(at, zone)
  return Date.UTC(l.year, l.month - 1, l.day, l.hour, l.minute, l.second) - Math.floor(at / 1000) * 1000
}

/** The moment at which the local day that holds `at` began. Days of 23 and 25 hours are right. */
export function dayStart(at: number, zone: string): number {
  const l = localTime(at, zone)
  return fromLocal({ ...l, hour: 0, minute: 0, second: 0 }, zone)
}

/** Local midnight `days` days after (or before) the day that holds `at`. */
export function addDays(at: number, days: number, zone: string): number {
  const l = localTime(at, zone)
  return fromLocal({ ...l, day: l.day + days, hour: 0, minute: 0, second: 0 }, zone)
}

/** A wall-clock time as a moment. A time that the clock skips reads as if the clock had not moved. */
export function fromLocal(l: LocalTime, zone: string): number {
  const asUtc = Date.UTC(l.year, l.month - 1, l.day, l.hour, l.minute, l.second)
  const guess = asUtc - zoneOffsetMs(asUtc, zone)
  return asUtc - zoneOffsetMs(guess, zone)
}

/** ISO 8601 with the zone's offset, as HTTP answers carry times. */
export function isoWithOffset(at: number, zone: string): string {
  const offset = zoneOffsetMs(at, zone)
  const minutes = Math.round(Math.abs(offset) / 60_000)
  const two = (n: number) => String(n).padStart(2, '0')
  const local = new Date(at + offset).toISOString().slice(0, -1)
  return `${local}${offset < 0 ? '-' : '+'}${two(Math.floor(minutes / 60))}:${two(minutes % 60)}`
}

const isoShape = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d+)?)?(Z|[+-]\d{2}:?\d{2})$/

/** Epoch milliseconds, or ISO 8601 *with* offset, as epoch milliseconds; null for anything else. */
export function parseTime(input: unknown): number | null {
  if (typeof input === 'number') return Number.isFinite(input) && Math.abs(input) <= 8.64e15 ? Math.round(input) : null
  if (typeof input !== 'string') return null
  if (/^-?\d{1,16}$/.test(input)) return parseTime(Number(input))
  if (!isoShape.test(input)) return null
  const at = Date.parse(input)
  return Number.isNaN(at) ? null : at
}
