import { zoneOffsetMs } from '@yiping/contract'

/** Nowhere is a clock moved and moved back within a week: some are for a month of fasting. */
const stepMs = 7 * 86_400_000
/** To look is to ask the runtime's calendar. */
const mostMs = 4 * 366 * 86_400_000

/** How far a zone is off UTC from one moment to another, ms, if that is the same all along; null: it is not, or the span is too long to be looked through. */
export function steadyOffset(from: number, to: number, zone: string): number | null {
  if (to - from > mostMs) return null
  const offset = zoneOffsetMs(to, zone)
  for (let at = from; at < to; at += stepMs) if (zoneOffsetMs(at, zone) !== offset) return null
  return offset
}
