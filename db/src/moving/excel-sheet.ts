import { strFromU8, unzipSync } from 'fflate'
import readExcel from 'read-excel-file/node'
import { type Cell, type Sheet, SheetError } from './sheet.ts'

/** Unpacked; a workbook of a register has some megabytes. */
const mostBytes = 256 << 20

/** Every sheet of a workbook. What a formula came to when the file was saved is the cell's value. */
export async function readExcelSheets(file: string, bytes: Buffer): Promise<Sheet[]> {
  const faults = faultsOf(bytes)
  const sheets = await readExcel(bytes).catch((cause: unknown) => {
    throw new SheetError('is no Excel workbook (.xlsx) that can be read', { cause })
  })
  return sheets.map(({ sheet, data }) => ({
    file,
    sheet,
    rows: data.map((row, i) => {
      const found = new Map(faults.get(sheet)?.get(i + 1))
      const cells = row.map((value: unknown, column): Cell => {
        if (value instanceof Date) found.set(column, 'is a date in Excel: give the column the format Text and write it again')
        return typeof value === 'string' || typeof value === 'number' || typeof value === 'boolean' ? value : null
      })
      return { line: i + 1, cells, ...(found.size > 0 && { faults: found }) }
    }),
  }))
}

const attribute = (tag: string, name: string): string | undefined => new RegExp(`\\s${name}="([^"]*)"`).exec(tag)?.[1]
const plain = (xml: string): string =>
  xml
    .replace(/&#(x?)([0-9a-fA-F]+);/g, (_, hex: string, code: string) => String.fromCodePoint(Number.parseInt(code, hex === 'x' ? 16 : 10)))
    .replace(/&(lt|gt|quot|apos|amp);/g, (_, name: string) => ({ lt: '<', gt: '>', quot: '"', apos: "'", amp: '&' })[name] ?? '')

/**
 * Cells whose formula came to an error, or was never worked out, by sheet, line and column: to the reader they are empty ones, and
 * an empty cell means something else here.
 */
function faultsOf(bytes: Uint8Array): Map<string, Map<number, Map<number, string>>> {
  let unpacked = 0
  const parts = ((): ReturnType<typeof unzipSync> => {
    try {
      return unzipSync(bytes, {
        filter: ({ name, originalSize }) => {
          unpacked += originalSize
          if (unpacked > mostBytes) throw new SheetError(`unpacks to more than ${mostBytes >> 20} MiB`)
          return name === 'xl/workbook.xml' || name === 'xl/_rels/workbook.xml.rels' || /^xl\/worksheets\/[^/]+\.xml$/.test(name)
        },
      })
    } catch (cause) {
      throw cause instanceof SheetError ? cause : new SheetError('is no Excel workbook (.xlsx); one of the older .xls is to be saved as .xlsx first', { cause })
    }
  })()
  const part = (name: string): string => (parts[name] === undefined ? '' : strFromU8(parts[name]))
  const targets = new Map(
    (part('xl/_rels/workbook.xml.rels').match(/<Relationship\s[^>]*>/g) ?? []).map((tag) => [attribute(tag, 'Id'), attribute(tag, 'Target') ?? '']),
  )
  const found = new Map<string, Map<number, Map<number, string>>>()
  for (const tag of part('xl/workbook.xml').match(/<sheet\s[^>]*>/g) ?? []) {
    const target = targets.get(attribute(tag, 'r:id')) ?? ''
    const xml = part(target.startsWith('/') ? target.slice(1) : `xl/${target}`)
    const rows = new Map<number, Map<number, string>>()
    for (const [cell, open = '', inside = ''] of xml.matchAll(/<c(\s[^>]*[^/])>(.*?)<\/c>/gs)) {
      const [, column = '', line = ''] = /^([A-Z]+)(\d+)$/.exec(attribute(open, 'r') ?? '') ?? []
      const value = /<v[^>]*>(.*?)<\/v>/s.exec(inside)?.[1]
      const fault =
        attribute(open, 't') === 'e'
          ? `is ${plain(value ?? 'an error')} in Excel`
          : cell.includes('<f') && value === undefined
            ? 'is a formula that has not been worked out: open the file in Excel and save it'
            : null
      if (fault === null || column === '') continue
      const row = rows.get(Number(line)) ?? new Map<number, string>()
      row.set([...column].reduce((n, letter) => n * 26 + letter.charCodeAt(0) - 64, 0) - 1, fault)
      rows.set(Number(line), row)
    }
    found.set(plain(attribute(tag, 'name') ?? ''), rows)
  }
  return found
}
