import type { AlarmRule, AlarmRulesAnswer } from '@yiping/contract/screen'

type Version = AlarmRulesAnswer['items'][number]

const withoutReadings: ReadonlySet<string> = new Set(['offline', 'combination', 'platform'])
/** What can be tried: active rules that look at readings of one metric. */
export const triable = (items: readonly Version[]): Version[] => items.filter((v) => v.active && v.rule.metric !== null && !withoutReadings.has(v.rule.kind))

/** The fields of a form, as they were typed. */
export interface Draft {
  onDelayS: string
  offDelayS: string
  levels: { value: string; deadband: string; holdSamples: string }[]
}
/** Without what arithmetic leaves behind: 0.01, not 0.010000000000000002. */
const textOf = (value: number): string => String(Number(value.toPrecision(10)))
export const draftOf = (rule: AlarmRule): Draft => ({
  onDelayS: textOf(rule.onDelayS),
  offDelayS: textOf(rule.offDelayS),
  levels: rule.levels.map((l) => ({ value: textOf(l.value), deadband: textOf(l.deadband), holdSamples: textOf(l.holdSamples) })),
})

/** What was typed; where that is what stood there, the number itself. */
function numberOf(text: string | number, before: number): number {
  const typed = String(text).trim()
  return typed === '' ? Number.NaN : typed === textOf(before) ? before : Number(typed)
}

/** The rule that the form describes; null when a field is no number that can be. A limit that was changed here has its source here. */
export function ruleOfDraft(rule: AlarmRule, draft: Draft, source: string): AlarmRule | null {
  const delays = [numberOf(draft.onDelayS, rule.onDelayS), numberOf(draft.offDelayS, rule.offDelayS)]
  const levels = rule.levels.map((l, i) => {
    const d = draft.levels[i]
    const [value, deadband, holdSamples] = [
      numberOf(d?.value ?? '', l.value),
      numberOf(d?.deadband ?? '', l.deadband),
      numberOf(d?.holdSamples ?? '', l.holdSamples),
    ]
    const own = value === l.value ? {} : { source, evidence: 'J' as const, sourceVerified: false }
    return { ...l, ...own, value, deadband, holdSamples }
  })
  const right =
    delays.every((d) => Number.isFinite(d) && d >= 0) &&
    levels.every((l) => Number.isFinite(l.value) && Number.isFinite(l.deadband) && l.deadband >= 0 && Number.isInteger(l.holdSamples) && l.holdSamples >= 1)
  return right ? { ...rule, onDelayS: delays[0] ?? 0, offDelayS: delays[1] ?? 0, levels } : null
}
