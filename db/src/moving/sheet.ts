import { basename } from 'node:path'

export type Cell = string | number | boolean | null

export interface SheetRow {
  /** As the program that people open the file with counts them, from 1. */
  line: number
  cells: readonly Cell[]
  /** What cannot be read of single cells, by column from 0. */
  faults?: ReadonlyMap<number, string>
  /** The row cannot be taken apart at all. */
  fault?: string
}

/** A table as it stands in a file: its first row that is not blank is the header. */
export interface Sheet {
  file: string
  /** Null: the file has no sheets. */
  sheet: string | null
  rows: readonly SheetRow[]
}

/** Nothing of such a file is read. */
export class SheetError extends Error {
  override name = 'SheetError'
}

const letters = (column: number): string => (column < 26 ? '' : letters(Math.floor(column / 26) - 1)) + String.fromCharCode(65 + (column % 26))

/** Where something stands: `stations.csv:7:3`, `stations.xlsx[站点]:7:C`. */
export function placeOf({ file, sheet }: Pick<Sheet, 'file' | 'sheet'>, line: number, column?: number): string {
  const name = sheet === null ? basename(file) : `${basename(file)}[${sheet}]`
  return column === undefined ? `${name}:${line}` : `${name}:${line}:${sheet === null ? column + 1 : letters(column)}`
}

export const isBlank = (row: SheetRow): boolean =>
  row.fault === undefined && (row.faults?.size ?? 0) === 0 && row.cells.every((c) => c === null || (typeof c === 'string' && c.trim() === ''))
