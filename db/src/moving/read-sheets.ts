import { readFile } from 'node:fs/promises'
import { readCsvSheet } from './csv-sheet.ts'
import { readExcelSheets } from './excel-sheet.ts'
import { type Sheet, SheetError } from './sheet.ts'

/** A register is small: whoever names something larger means another command. */
const mostBytes = 64 << 20

/** The tables of a CSV or Excel file. */
export async function readSheets(file: string): Promise<Sheet[]> {
  const bytes = await readFile(file).catch((cause: unknown) => {
    throw new SheetError(`${file}: cannot be read`, { cause })
  })
  try {
    if (bytes.length > mostBytes) throw new SheetError(`is larger than ${mostBytes >> 20} MiB`)
    return isZip(bytes) || /\.xlsx?$/i.test(file) ? await readExcelSheets(file, bytes) : [readCsvSheet(file, bytes)]
  } catch (error) {
    throw error instanceof SheetError ? new SheetError(`${file}: ${error.message}`, { cause: error }) : error
  }
}

const isZip = (bytes: Uint8Array): boolean => bytes[0] === 0x50 && bytes[1] === 0x4b
