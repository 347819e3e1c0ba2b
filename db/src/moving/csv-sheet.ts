import { type Sheet, SheetError, type SheetRow } from './sheet.ts'

/**
 * The text of a file: UTF-8 with or without its mark, UTF-16 with one (what Excel calls Unicode text), else GB18030, in which a
 * Chinese Excel writes CSV and which holds GBK and GB 2312.
 */
export function decodeText(bytes: Uint8Array): string {
  const [a, b] = bytes
  if (a === 0xff && b === 0xfe) return new TextDecoder('utf-16le').decode(bytes)
  if (a === 0xfe && b === 0xff) return new TextDecoder('utf-16be').decode(bytes)
  for (const encoding of ['utf-8', 'gb18030'])
    try {
      const text = new TextDecoder(encoding, { fatal: true }).decode(bytes)
      if (!text.includes('\0')) return text
    } catch {
      // The next one.
    }
  throw new SheetError('is neither UTF-8 nor GB18030 text')
}

/** What parts the cells of the header line, and so of all: Excel writes what the machine's region has for lists. */
function separatorOf(text: string): string {
  const header = text.slice(0, text.search(/[\r\n]/) >= 0 ? text.search(/[\r\n]/) : undefined).replace(/"[^"]*"/g, '')
  const times = (s: string): number => header.split(s).length
  return ['\t', ';'].reduce((best, s) => (times(s) > times(best) ? s : best), ',')
}

/** A CSV after RFC 4180, line ends within quotes included; parted by comma, semicolon or tab. */
export function readCsvSheet(file: string, bytes: Uint8Array): Sheet {
  const text = decodeText(bytes)
  const separator = separatorOf(text)
  const rows: SheetRow[] = []
  let line = 1
  let at = 0
  const lineEnd = (from: number): number => {
    const end = text.indexOf('\n', from)
    return end < 0 ? text.length : end
  }
  while (at < text.length) {
    const first = line
    const cells: string[] = []
    let fault: string | undefined
    for (;;) {
      let cell = ''
      if (text[at] === '"') {
        at += 1
        for (;;) {
          const end = text.indexOf('"', at)
          if (end < 0) {
            fault = 'a quote is left open, to the end of the file'
            cell += text.slice(at)
            at = text.length
            break
          }
          cell += text.slice(at, end)
          at = end + 1
          if (text[at] !== '"') break
          cell += '"'
          at += 1
        }
        line += cell.split('\n').length - 1
        const rest = text.slice(at, Math.min(lineEnd(at), text.indexOf(separator, at) < 0 ? Infinity : text.indexOf(separator, at)))
        if (rest.trim() !== '') fault ??= 'there is text behind a closing quote'
        at += rest.length
      } else {
        const end = lineEnd(at)
        const next = text.indexOf(separator, at)
        const stop = next >= 0 && next < end ? next : end
        cell = text.slice(at, stop)
        at = stop
        if (cell.endsWith('\r') && at === end) cell = cell.slice(0, -1)
      }
      cells.push(cell)
      if (text[at] !== separator) break
      at += 1
    }
    rows.push({ line: first, cells, ...(fault !== undefined && { fault }) })
    at += 1
    line += 1
  }
  return { file, sheet: null, rows }
}
