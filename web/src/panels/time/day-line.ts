import { addDays, dayStart, type Severity } from '@yiping/contract/screen'

/** One local day as a line from 0 to 1; days of 23 and 25 hours are right. */
export interface DayLine {
  from: number
  to: number
  /** Where every third hour stands, with its hour. */
  hours: { hour: number; share: number }[]
}

export function dayLine(at: number, zone: string): DayLine {
  const from = dayStart(at, zone)
  const to = addDays(at, 1, zone)
  const hours: DayLine['hours'] = []
  for (let hour = 0; hour <= 24; hour += 3) hours.push({ hour, share: (hour * 3_600_000) / (to - from) })
  return { from, to, hours: hours.filter((h) => h.share <= 1) }
}

export const shareOf = (at: number, { from, to }: DayLine): number => Math.min(1, Math.max(0, (at - from) / (to - from)))

/** The moment under a pointer: whole minutes, and never one that is still to come. */
export function momentAt(share: number, { from, to }: DayLine, now: number): number {
  const at = from + Math.min(1, Math.max(0, share)) * (to - from)
  return Math.min(now, Math.round(at / 60_000) * 60_000)
}

export interface Mark {
  id: string
  share: number
  severity: Severity
}

/** Alarms as marks: where many stand in one place, the worst of them stands there, drawn last. */
export function marksOn(line: DayLine, alarms: readonly { id: string; activeAt: number; severity: Severity }[], places = 240): Mark[] {
  const worst = new Map<number, Mark>()
  for (const { id, activeAt, severity } of alarms) {
    if (activeAt < line.from || activeAt >= line.to) continue
    const share = shareOf(activeAt, line)
    const place = Math.floor(share * places)
    const there = worst.get(place)
    if (!there || severity < there.severity) worst.set(place, { id, share, severity })
  }
  return [...worst.values()].sort((a, b) => b.severity - a.severity || a.share - b.share)
}
