import type { AlarmCell, AlarmSummaryCell, DomainCode, TrendCell, TruthCell } from '@yiping/contract'
import type { City, LiveStation } from './city.ts'
import type { Survey } from './compute-cells.ts'

/** What the rooms' cells are made of: the city now, or the city of a past moment. */
export interface Scene {
  readonly city: City
  readonly trends: { readonly cells: ReadonlyMap<DomainCode, TrendCell> }
  readonly alarms: { readonly cells: ReadonlyMap<string, AlarmCell>; summary(now: number): AlarmSummaryCell }
  survey(now: number, stations?: readonly LiveStation[]): Survey
  truth(now: number): TruthCell
}
