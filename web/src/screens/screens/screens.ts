import { parseTime, type ScreenAnswer } from '@yiping/contract/screen'

/** A screen reports every ten seconds: one that has been still for so long is not seen now, even if its socket stands, ms. */
export const seenWithinMs = 35_000

/** `waiting`: its code was entered, it has not fetched its credential yet. */
export type Presence = 'now' | 'gone' | 'never' | 'waiting'

export function presenceOf(s: Pick<ScreenAnswer, 'online' | 'lastSeenAt' | 'pairedAt'>, now: number | null): Presence {
  if (s.pairedAt === null) return 'waiting'
  const seen = parseTime(s.lastSeenAt)
  if (s.online && (seen === null || now === null || now - seen <= seenWithinMs)) return 'now'
  return seen === null ? 'never' : 'gone'
}

/** What a viewport of a report measures. */
export function viewportOf(text: string | undefined): { width: number; height: number } | null {
  const m = /^(\d+)×(\d+)@/.exec(text ?? '')
  return m ? { width: Number(m[1]), height: Number(m[2]) } : null
}

/** The scene that a path shows, as a message key; null for a page that is none. */
export function shownKey(path: string): string | null {
  const [, first = '', second = ''] = path.split('/')
  const scene = first === 'wall' ? second : first
  if (scene === '' || scene === 'overview') return 'nav.overview'
  if (['water', 'gas', 'heating', 'drainage'].includes(scene)) return `domain.${scene}`
  return ['alarms', 'history', 'ingest', 'screens'].includes(scene) ? `nav.${scene}` : null
}
/** Drops more than every third frame: what moves on it does not move well. */
export const slowFrameMs = 25
