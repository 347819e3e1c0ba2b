import type { Severity } from './catalogue/metric.ts'

/** Hours over which rain is summed up. */
export const rainHours = [1, 3, 6, 12] as const
export type RainHours = (typeof rainHours)[number]

/** 暴雨预警信号: so much rain in so many hours. The rules of metric `dr.rain` say the same in words. */
export const rainSignals: readonly { severity: Severity; hours: RainHours; mm: number }[] = [
  { severity: 1, hours: 3, mm: 100 },
  { severity: 2, hours: 3, mm: 50 },
  { severity: 3, hours: 6, mm: 50 },
  { severity: 4, hours: 12, mm: 50 },
]

/** The gravest signal that fallen rain reaches, by the sums in mm; null: none, or nothing is known. */
export function rainSignal(sums: Readonly<Partial<Record<RainHours, number | null>>>): Severity | null {
  return rainSignals.find((s) => (sums[s.hours] ?? 0) >= s.mm)?.severity ?? null
}
