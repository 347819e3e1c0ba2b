import type { DomainCode } from '../domain.ts'
import type { Evidence, Metric, Severity, Threshold } from './metric.ts'

/** Builders that let the catalogue read like the table it is. Types only from elsewhere: screens carry this file too. */

export const rollUpOfKind = { gauge: 'mean', counter: 'delta', state: 'last', event: 'sum' } as const

export const judgement = '工程经验值'

/** One step of a ladder: a bare number is judgement [J]; else value, evidence, source, optional hold samples. */
export type Step = number | readonly [value: number, evidence: Evidence, source: string, holdSamples?: number]
/** Blue, yellow, orange, red. Null: the ladder has no such step. */
export type Ladder = readonly [blue: Step | null, yellow: Step | null, orange: Step | null, red: Step | null]
type Op = NonNullable<Threshold['op']>
type Built = Omit<Threshold, 'unit'> & { unit: string | null }

const severityOfStep = [4, 3, 2, 1] as const satisfies readonly Severity[]

function steps(basis: Threshold['basis'], op: Op, unit: string | null, ladder: Ladder, note?: { zh: string; en: string }): Built[] {
  return ladder.flatMap((step, i): Built[] => {
    if (step === null) return []
    const [value, evidence, source, holdSamples = 2] = typeof step === 'number' ? [step, 'J' as const, judgement] : step
    const severity = severityOfStep[i] ?? 4
    return [
      {
        severity,
        basis,
        op,
        value,
        unit,
        holdSamples,
        deadband: 0.05,
        source,
        evidence,
        sourceVerified: evidence === 'S',
        ...(note && { condition: note }),
      },
    ]
  })
}

/** The value itself against a limit in the metric's own unit. */
export const below = (...ladder: Ladder): Built[] => steps('absolute', '<', null, ladder)
export const above = (...ladder: Ladder): Built[] => steps('absolute', '>', null, ladder)
export const atLeast = (...ladder: Ladder): Built[] => steps('absolute', '>=', null, ladder)

/** Further than ±value (% or a unit) from the basis. */
export const outside = (basis: Threshold['basis'], unit: string, ...ladder: Ladder): Built[] => steps(basis, 'outside', unit, ladder)

/** Against a share (%) of the basis, or a difference (unit) to it: `share('design', '<', '%', 40, …)` = below 40 % of it. */
export const share = (basis: Threshold['basis'], op: Op, unit: string, ...ladder: Ladder): Built[] => steps(basis, op, unit, ladder)

/** A rule in words: what the alarm engine must know beyond one value. */
export const rule = (severity: Severity, zh: string, en: string, evidence: Evidence = 'J', source: string = judgement): Built[] => [
  {
    severity,
    basis: 'condition',
    op: null,
    value: null,
    unit: '1',
    condition: { zh, en },
    holdSamples: 1,
    deadband: 0.05,
    source,
    evidence,
    sourceVerified: evidence === 'S',
  },
]

/** The same limits, holding only where the words say. */
export const when = (zh: string, en: string, built: Built[]): Built[] => built.map((t) => ({ ...t, condition: { zh, en } }))
/** The same limits, counting from the first sample on. */
export const atOnce = (built: Built[]): Built[] => built.map((t) => ({ ...t, holdSamples: 1 }))

interface Row {
  code: string
  zh: string
  en: string
  /** UCUM, then how people write it (zh, en; one text serves both). */
  unit: string
  label?: string | readonly [zh: string, en: string]
  decimals: number
  kind?: Metric['kind']
  rollUp?: Metric['rollUp']
  physical: readonly [min: number, max: number]
  typical?: readonly [min: number, max: number]
  /** Seconds between reports: normal, and while a limit is exceeded. */
  every: readonly [normal: number, alarm?: number]
  /** What `Metric.checks` says, in short. All of it is judgement. */
  checks: {
    range?: readonly [min: number, max: number]
    step?: number
    flat?: number
    rest?: number
    ratePerHour?: number
    registerMax?: number
  }
  derivedFrom?: string
  states?: Metric['states']
  limits?: readonly Built[][]
  source?: string
  evidence?: Evidence
}

const checksOf = ({ range, step, flat, rest, ratePerHour, registerMax }: Row['checks']): Metric['checks'] => ({
  ...(range && { range: { min: range[0], max: range[1] } }),
  ...(step !== undefined && { maxStep: step }),
  ...(flat !== undefined && { flatAfterS: flat }),
  ...(rest !== undefined && { restsAt: rest }),
  ...(ratePerHour !== undefined && { maxRatePerHour: ratePerHour }),
  ...(registerMax !== undefined && { registerMax }),
})

/** Builds the rows of one utility. */
export const table = (domain: DomainCode, rows: readonly Row[]): Metric[] =>
  rows.map((r) => {
    const kind = r.kind ?? 'gauge'
    const label = r.label ?? r.unit
    const [zh, en] = typeof label === 'string' ? [label, label] : label
    const evidence = r.evidence ?? 'J'
    return {
      code: r.code,
      domain,
      name: { zh: r.zh, en: r.en },
      unit: r.unit,
      unitLabel: { zh, en },
      decimals: r.decimals,
      kind,
      rollUp: r.rollUp ?? rollUpOfKind[kind],
      physical: { min: r.physical[0], max: r.physical[1] },
      typical: r.typical ? { min: r.typical[0], max: r.typical[1] } : null,
      intervalS: r.every[0],
      alarmIntervalS: r.every[1] ?? null,
      checks: checksOf(r.checks),
      ...(r.derivedFrom !== undefined && { derivedFrom: r.derivedFrom }),
      ...(r.states && { states: r.states }),
      thresholds: (r.limits ?? []).flat().map((t) => ({ ...t, unit: t.unit ?? r.unit })),
      source: r.source ?? judgement,
      evidence,
      sourceVerified: evidence === 'S',
    }
  })

export const minutes = (n: number): number => n * 60
export const hours = (n: number): number => n * 3600
export const days = (n: number): number => n * 86_400

export const pumpStates: NonNullable<Metric['states']> = [
  { value: 0, name: { zh: '停', en: 'stopped' } },
  { value: 1, name: { zh: '运行', en: 'running' } },
  { value: 2, name: { zh: '故障', en: 'fault' } },
]
