import type { ExportFormat } from '@yiping/contract/screen'

/** Where an export goes to. */
export interface Sink {
  write: (bytes: Uint8Array<ArrayBuffer>) => Promise<void>
  /** Forgets what was written. */
  restart: () => Promise<void>
  /** It is whole: it becomes a file. */
  finish: () => Promise<void>
  /** Nothing of it is left behind. */
  discard: () => Promise<void>
}

/**
 * Which way a file takes. Where the browser lets a page write to a file of the user's choice, it is streamed there, however
 * large it is. Browsers offer that over https and on the same machine only; elsewhere it is gathered in the page, which
 * memory bounds, and beyond that the browser fetches it as any download: without our progress and going on, but whole.
 */
export type Way = 'file' | 'memory' | 'link'
export const mostGathered = 256 * 2 ** 20
/** Bytes of a row, at most about: what it is gathered by is a guess before it is there. */
const bytesOfRow: Record<ExportFormat, number> = { csv: 140, parquet: 24 }
export function wayOf(canPick: boolean, format: ExportFormat, rows: number | null): Way {
  if (canPick) return 'file'
  return rows !== null && rows * bytesOfRow[format] <= mostGathered ? 'memory' : 'link'
}

interface Writable {
  write: (data: Uint8Array<ArrayBuffer>) => Promise<void>
  truncate: (size: number) => Promise<void>
  seek: (at: number) => Promise<void>
  close: () => Promise<void>
  abort: () => Promise<void>
}
type Picker = (options: object) => Promise<{ createWritable: () => Promise<Writable> }>

/** Not in every browser, and not in the types of any. */
const picker = (): Picker | null =>
  'showSaveFilePicker' in window && typeof window.showSaveFilePicker === 'function' ? (window.showSaveFilePicker.bind(window) as Picker) : null
export const canPickFile = (): boolean => picker() !== null

const mimeOf: Record<ExportFormat, string> = { csv: 'text/csv', parquet: 'application/vnd.apache.parquet' }

/** Asks for a file; null when the asking is called off. */
export async function pickedFile(name: string, format: ExportFormat): Promise<Sink | null> {
  const pick = picker()
  if (!pick) return null
  let file: Writable
  try {
    file = await (await pick({ suggestedName: name, types: [{ accept: { [mimeOf[format]]: [`.${format}`] } }] })).createWritable()
  } catch (error) {
    if (error instanceof DOMException && error.name === 'AbortError') return null
    throw error
  }
  return {
    write: (bytes) => file.write(bytes),
    restart: async () => {
      await file.truncate(0)
      await file.seek(0)
    },
    finish: () => file.close(),
    discard: () => file.abort(),
  }
}

/** Gathers it in the page and hands it over as a download. */
export function gathered(name: string, format: ExportFormat): Sink {
  let parts: Uint8Array<ArrayBuffer>[] = []
  const restart = async (): Promise<void> => {
    parts = []
  }
  return {
    write: async (bytes) => void parts.push(bytes),
    restart,
    discard: restart,
    finish: async () => {
      const url = URL.createObjectURL(new Blob(parts, { type: mimeOf[format] }))
      const link = document.createElement('a')
      Object.assign(link, { href: url, download: name })
      link.click()
      parts = []
      // The download has begun from it only after this turn.
      setTimeout(() => URL.revokeObjectURL(url), 60_000)
    },
  }
}
