import { type HeatingCurve, heatingCurveBasis, type PanelsAnswer } from '@yiping/contract/screen'
import type { Fit } from '../../../charts/curve-option.ts'
import { formatNumber, signed } from '../../../format/number.ts'
import type { Words } from '../../../i18n/index.ts'

/** `station` null: of the mean over the sources. */
const curveOf = (answer: PanelsAnswer | null, metric: string, station: string | null): HeatingCurve | undefined =>
  answer?.heatingCurves?.curves.find((c) => c.metric === metric && c.station === station)

export function fitOf(answer: PanelsAnswer | null, metric: string, station: string | null): Fit | null {
  const found = curveOf(answer, metric, station)
  return found?.line ? { slope: found.line.slope, intercept: found.line.intercept, min: found.outdoor.min, max: found.outdoor.max } : null
}

/** Weather leaves what a line rests on by a little before the line says nothing any more, K. */
const slackK = 2

/** How far a temperature is off its curve in the newest weather, as it is written; null where that is not known. */
export function offCurve(answer: PanelsAnswer | null, metric: string, station: string | null, value: number | null): string | null {
  const found = curveOf(answer, metric, station)
  if (!found?.line || value === null) return null
  const { min, max, last } = found.outdoor
  if (last < min - slackK || last > max + slackK) return null
  return signed(value - (found.line.slope * last + found.line.intercept), 1)
}

/** What the drawn line rests on, or why there is none. */
export function curveNote({ t }: Words, answer: PanelsAnswer | null): string {
  const found = curveOf(answer, 'ht.t1s', null)
  const hours = formatNumber(found?.hours ?? 0, 0)
  const window = formatNumber(answer?.heatingCurves?.window ?? 1, 0)
  const { leastHours, leastSpanK: leastSpan, toleranceK: tolerance } = heatingCurveBasis
  if (found?.line) return t('scene.curveNote', { hours, window, spread: formatNumber(found.line.spread, 1), tolerance })
  const span = formatNumber(found ? found.outdoor.max - found.outdoor.min : 0, 1)
  return t('scene.curveNoteNone', { hours, span, leastHours, leastSpan })
}
