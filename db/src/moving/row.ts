import type { MovedKind, Table } from './columns.ts'
import { type Cell, placeOf, type SheetRow } from './sheet.ts'

/** Why a row is not taken in. */
export interface Refusal {
  kind: MovedKind | null
  /** `file:line:column` */
  place: string
  /** As the file calls it. */
  column: string | null
  reason: string
}

/** A cell that says that what is there goes. An empty cell leaves it as it is. */
const clears = new Set(['-', '–', '—'])

/** One row while it is read: cells by what they mean, with what is wrong about them. */
export class RowReader {
  readonly refusals: Refusal[] = []
  readonly #refused = new Set<string>()
  constructor(
    readonly table: Table,
    readonly row: SheetRow,
  ) {
    if (row.fault !== undefined) this.refuse(null, row.fault)
    else if (row.cells.slice(table.header.cells.length).some((c) => c !== null && String(c).trim() !== ''))
      this.refuse(null, `${row.cells.length} cells in place of ${table.header.cells.length}`)
  }

  place(column: string | null): string {
    const at = column === null ? undefined : this.table.places.get(column)
    return placeOf(this.table.sheet, this.row.line, at)
  }

  hasRefused(column: string): boolean {
    return this.#refused.has(column)
  }

  refuse(column: string | null, reason: string): void {
    if (column !== null) this.#refused.add(column)
    const at = column === null ? undefined : this.table.places.get(column)
    const title = at === undefined ? column : String(this.table.header.cells[at] ?? column)
    this.refusals.push({ kind: this.table.kind, place: this.place(column), column: title, reason })
  }

  /** The cell's text; undefined: the file says nothing of it. Null: it is to go. */
  text(column: string, most = 200): string | null | undefined {
    const cell = this.#cell(column)
    if (cell === null) return undefined
    const text = (typeof cell === 'boolean' ? String(cell) : String(cell).normalize('NFC')).trim()
    if (text === '') return undefined
    if (clears.has(text)) return null
    // An export puts the mark before what a spreadsheet would take for a formula.
    const bare = /^'[=+@\t-]/.test(text) ? text.slice(1) : text
    if (bare.length > most) {
      this.refuse(column, `is longer than ${most} characters`)
      return undefined
    }
    if (/\p{Cc}/u.test(bare)) {
      this.refuse(column, 'holds a line break or another control character')
      return undefined
    }
    return bare
  }

  /** Codes that Excel has made numbers of come back as they were, as long as it has kept all their digits. */
  code(column: string, pattern: RegExp, what: string): string | null | undefined {
    const cell = this.#cell(column)
    if (typeof cell === 'number' && !Number.isSafeInteger(cell)) {
      this.refuse(column, `${cell} is a number in Excel and no ${what}: give the column the format Text and write it again`)
      return undefined
    }
    const text = this.text(column)
    if (typeof text !== 'string' || pattern.test(text)) return text
    this.refuse(column, `${JSON.stringify(text)} is no ${what}`)
    return undefined
  }

  number(column: string, min: number, max: number): number | null | undefined {
    const text = this.text(column)
    if (text === null || text === undefined) return text
    const value = Number(text)
    if (!Number.isFinite(value)) this.refuse(column, `${JSON.stringify(text)} is no number`)
    else if (value < min || value > max) this.refuse(column, `${value} is not between ${min} and ${max}`)
    else return value
    return undefined
  }

  whole(column: string, min: number, max: number): number | null | undefined {
    const value = this.number(column, min, max)
    if (typeof value !== 'number' || Number.isInteger(value)) return value
    this.refuse(column, `${value} is no whole number`)
    return undefined
  }

  flag(column: string): boolean | null | undefined {
    const text = this.text(column)
    if (text === null || text === undefined) return text
    if (yes.has(text.toLowerCase())) return true
    if (no.has(text.toLowerCase())) return false
    this.refuse(column, `${JSON.stringify(text)} is neither yes nor no`)
    return undefined
  }

  /** One of some things by its code or one of its names. */
  one<T>(column: string, things: readonly Named<T>[], what: string): T | null | undefined {
    const text = this.text(column)
    if (text === null || text === undefined) return text
    const found = find(things, text)
    if ('fault' in found) this.refuse(column, `${JSON.stringify(text)} is ${found.fault} ${what}`)
    else return found.thing
    return undefined
  }

  many<T>(column: string, things: readonly Named<T>[], what: string): T[] | null | undefined {
    const text = this.text(column, 2000)
    if (text === null || text === undefined) return text
    const out = new Set<T>()
    for (const word of text.split(/[\s,;，；、|]+/).filter((w) => w !== '')) {
      const found = find(things, word)
      if ('fault' in found) {
        this.refuse(column, `${JSON.stringify(word)} is ${found.fault} ${what}`)
        return undefined
      }
      out.add(found.thing)
    }
    return [...out]
  }

  #cell(column: string): Cell {
    const at = this.table.places.get(column)
    if (at === undefined) return null
    const fault = this.row.faults?.get(at)
    if (fault !== undefined) {
      if (!this.refusals.some((r) => r.reason === fault)) this.refuse(column, fault)
      return null
    }
    return this.row.cells[at] ?? null
  }
}

const yes = new Set(['yes', 'true', '1', '是', 'y', '√'])
const no = new Set(['no', 'false', '0', '否', 'n', '×'])

export interface Named<T> {
  thing: T
  /** The first is its code. */
  names: readonly string[]
}

function find<T>(things: readonly Named<T>[], text: string): { thing: T } | { fault: 'no' | 'the name of more than one' } {
  const wanted = text.toLowerCase()
  const byCode = things.find((t) => t.names[0]?.toLowerCase() === wanted)
  if (byCode) return byCode
  const [first, ...others] = things.filter((t) => t.names.some((n) => n.toLowerCase() === wanted))
  return first === undefined ? { fault: 'no' } : others.length > 0 ? { fault: 'the name of more than one' } : first
}
