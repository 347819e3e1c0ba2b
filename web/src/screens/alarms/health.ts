import type { AlarmHealthAnswer, Evidence } from '@yiping/contract/screen'

/** How a figure stands to its target. `none`: it has no target, or nothing rang. */
export type Standing = 'met' | 'missed' | 'none'
export interface HealthFigure {
  key: 'rate' | 'worst' | 'flood' | 'topTen' | 'chattering' | 'fleeting' | 'stale' | 'ackMedian' | 'ackP95'
  value: number | null
  unit: 'count' | 'percent' | 'seconds' | 'rate'
  /** At most this; null where the standard has none. */
  target: number | null
  standing: Standing
}

/** Targets of ISA-18.2-2016 / IEC 62682 (table of monitoring metrics), recalled and not read from the text: shown as unverified. */
export const targets = { rate: 1, worst: 10, flood: 0.01, topTen: 0.05, chattering: 0, fleeting: 0, stale: 5 } as const
export const targetSource: { text: string; evidence: Evidence } = { text: 'ANSI/ISA-18.2-2016, IEC 62682:2022, EEMUA 191', evidence: 'M' }

/** Share of each severity that a well-made set has, worst first: about so many, at most for the first three. */
export const prioritySharesAtMost = { 1: 0.01, 2: 0.05, 3: 0.15, 4: null } as const

export function healthFigures(a: AlarmHealthAnswer): HealthFigure[] {
  const figure = (key: HealthFigure['key'], unit: HealthFigure['unit'], value: number | null, target: number | null): HealthFigure => ({
    key,
    unit,
    value,
    target,
    standing: target === null || value === null ? 'none' : value <= target ? 'met' : 'missed',
  })
  return [
    figure('rate', 'rate', a.rate.perOperator10Min, targets.rate),
    figure('worst', 'count', a.rate.worst10Min, targets.worst * a.operators),
    figure('flood', 'percent', a.flood.share, targets.flood),
    figure('topTen', 'percent', a.rang === 0 ? null : a.topTenShare, targets.topTen),
    figure('chattering', 'count', a.chattering.length, targets.chattering),
    figure('fleeting', 'count', a.fleeting, targets.fleeting),
    figure('stale', 'count', a.stale.length, targets.stale),
    figure('ackMedian', 'seconds', a.acknowledged.medianS, null),
    figure('ackP95', 'seconds', a.acknowledged.p95S, null),
  ]
}

export interface PriorityShare {
  severity: 1 | 2 | 3 | 4
  count: number
  share: number | null
  target: number | null
  standing: Standing
}
export function priorityShares(a: AlarmHealthAnswer): PriorityShare[] {
  return ([1, 2, 3, 4] as const).map((severity) => {
    const count = a.priorities[severity]
    const share = a.rang === 0 ? null : count / a.rang
    const target = prioritySharesAtMost[severity]
    return { severity, count, share, target, standing: target === null || share === null ? 'none' : share <= target ? 'met' : 'missed' }
  })
}

/** What a proposal changes: each part that is not as it was. Times in ms. */
export function tuningParts(p: { onDelayS: number; offDelayS: number; deadbandTimes: number }): { key: 'deadband' | 'onDelay' | 'offDelay'; value: number }[] {
  return [
    ...(p.deadbandTimes > 1 ? [{ key: 'deadband' as const, value: p.deadbandTimes }] : []),
    ...(p.onDelayS > 0 ? [{ key: 'onDelay' as const, value: p.onDelayS * 1000 }] : []),
    ...(p.offDelayS > 0 ? [{ key: 'offDelay' as const, value: p.offDelayS * 1000 }] : []),
  ]
}

const bucketMs = 600_000

/** Buckets as steps from `from` to `to`, noughts put in again where nothing rang; thinned to at most `most`, each the worst of those it stands for. */
export function rateSteps(buckets: readonly { at: number; count: number }[], from: number, to: number, most = 720): [number, number][] {
  const first = Math.floor(from / bucketMs) * bucketMs
  const count = Math.max(1, Math.ceil((to - first) / bucketMs))
  const each = Math.ceil(count / most)
  const out: [number, number][] = Array.from({ length: Math.ceil(count / each) }, (_, i) => [first + i * each * bucketMs, 0])
  for (const b of buckets) {
    const step = out[Math.floor((b.at - first) / bucketMs / each)]
    if (step && b.count > step[1]) step[1] = b.count
  }
  return out
}
