import { appendFileSync } from 'node:fs'
import type { Label } from './scenario.ts'

/** One JSON line per scenario, written when it begins; times as ISO 8601 (UTC). */
export const labelLine = (label: Label): string =>
  `${JSON.stringify({ ...label, start: new Date(label.start).toISOString(), end: new Date(label.end).toISOString() })}\n`

export const writeLabel = (file: string, label: Label): void => appendFileSync(file, labelLine(label))
