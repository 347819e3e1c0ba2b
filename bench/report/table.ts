import { isMet, type Outcome, ratio, type Row } from './outcome.ts'

const head = ['figure', 'measured', 'unit', 'goal', 'reference', 'ratio', 'verdict', 'reference is']

const cells = (row: Row): string[] => [
  row.figure,
  row.measured.toFixed(row.decimals),
  row.unit,
  'atMost' in row.goal ? `<= ${row.goal.atMost}` : 'atLeast' in row.goal ? `>= ${row.goal.atLeast}` : `ratio >= ${row.goal.atLeastRatio}`,
  row.reference.value.toFixed(row.decimals),
  ratio(row).toFixed(2),
  isMet(row) ? 'met' : 'missed',
  row.reference.what,
]

export function table(outcomes: readonly Outcome[]): string {
  return aligned([head, ...outcomes.flatMap((o) => o.rows.map(cells))])
}

/** Columns of equal width; numbers stand to the right. */
export function aligned(rows: readonly (readonly string[])[]): string {
  const widths = rows.reduce<number[]>((w, row) => row.map((cell, i) => Math.max(w[i] ?? 0, cell.length)), [])
  const number = /^-?[\d.]+$/
  return rows
    .map((row) =>
      row
        .map((cell, i) => (number.test(cell) ? cell.padStart(widths[i] ?? 0) : cell.padEnd(widths[i] ?? 0)))
        .join('  ')
        .trimEnd(),
    )
    .join('\n')
}
