import { drainage } from './drainage.ts'
import { gas } from './gas.ts'
import { heating } from './heating.ts'
import type { Metric } from './metric.ts'
import { water } from './water.ts'

export { rollUpOfKind } from './build.ts'

/** Every metric that the city knows. */
export const catalogue: readonly Metric[] = [...water, ...gas, ...heating, ...drainage]

export const metricByCode: ReadonlyMap<string, Metric> = new Map(catalogue.map((m) => [m.code, m]))
