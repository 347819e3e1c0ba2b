/** One line of the table. */
export interface Row {
  figure: string
  measured: number
  unit: string
  decimals: number
  goal: Goal
  /** Measured in the same run, on the same machine: what the figure would be at its best. */
  reference: { value: number; what: string }
}

/** A bound on what was measured (in its unit), or on its ratio to the reference. */
export type Goal = { atMost: number } | { atLeast: number } | { atLeastRatio: number }

export interface Outcome {
  rows: Row[]
  /** What a reader should know beside the rows. */
  notes: string[]
  /** Single measurements, for the JSON. */
  detail: unknown
}

export const ratio = (row: Row): number => row.measured / row.reference.value
export function isMet(row: Row): boolean {
  const { goal, measured } = row
  if ('atMost' in goal) return measured <= goal.atMost
  return 'atLeast' in goal ? measured >= goal.atLeast : ratio(row) >= goal.atLeastRatio
}
