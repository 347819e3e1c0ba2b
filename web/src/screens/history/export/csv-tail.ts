/** The cells of one line after RFC 4180. */
export function cellsOf(line: string): string[] {
  const cells: string[] = []
  const cell = /(?:"((?:[^"]|"")*)"|([^,"]*))(,|$)/y
  for (;;) {
    const found = cell.exec(line)
    if (!found) return cells
    cells.push(found[1] === undefined ? (found[2] ?? '') : found[1].replaceAll('""', '"'))
    if (found[3] === '') return cells
  }
}

const [station, metric, time] = [0, 2, 5]
/** Where the export goes on behind a line of it, as the server writes its cursors. */
export function cursorOf(line: string): string | null {
  const cells = cellsOf(line.replace(/\r?\n$/, ''))
  if (cells.length <= time) return null
  const bytes = new TextEncoder().encode(`${cells[station]}:${cells[metric]},${cells[time]}`)
  return btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replace(/=+$/, '')
}

const newline = 10

/** Lets whole lines through only and counts them, so that what is broken off ends with a line and goes on behind it. */
export class CsvTail {
  /** Lines with data in them: the header is none. */
  rows = 0
  #carry = new Uint8Array()
  #last = new Uint8Array()
  #header = true

  /** What may be written now. */
  push(chunk: Uint8Array): Uint8Array<ArrayBuffer> {
    const end = chunk.lastIndexOf(newline) + 1
    const whole = joined(this.#carry, chunk.subarray(0, end))
    if (end === 0) {
      this.#carry = joined(this.#carry, chunk)
      return new Uint8Array()
    }
    this.#carry = chunk.slice(end)
    for (let at = whole.indexOf(newline); at >= 0; at = whole.indexOf(newline, at + 1)) this.rows += 1
    if (this.#header) this.rows -= 1
    this.#header = false
    this.#last = whole.slice(whole.lastIndexOf(newline, whole.length - 2) + 1)
    return whole
  }

  /** Behind the last whole line; null while there is none, and it has to begin again. Half a line is forgotten. */
  cursor(): string | null {
    this.#carry = new Uint8Array()
    return this.rows > 0 ? cursorOf(new TextDecoder().decode(this.#last)) : null
  }
}

function joined(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const out = new Uint8Array(a.length + b.length)
  out.set(a)
  out.set(b, a.length)
  return out
}
