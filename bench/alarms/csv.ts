import { readFileSync } from 'node:fs'

/** Rows of a CSV without quoted cells, by column. */
export function readColumns(file: string): Map<string, string[]> {
  const [head = '', ...lines] = readFileSync(file, 'utf8').trimEnd().split(/\r?\n/)
  const names = head.split(',')
  const columns = new Map(names.map((n) => [n, [] as string[]]))
  for (const line of lines) for (const [i, cell] of line.split(',').entries()) columns.get(names[i] ?? '')?.push(cell)
  return columns
}
