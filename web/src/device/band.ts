import { textWidth } from '../charts/place.ts'

/** What the band below the scene takes of the window's height, in its units: one line, or as many as a message needs. */
export function bandUnits(text: string | null, windowUnits = 192): number {
  const line = 3.12
  const lines = text === null ? 1 : Math.max(1, Math.ceil(textWidth(text, 2.4) / (windowUnits - 36)))
  return Math.max(5.4, lines * line + 1.6)
}
