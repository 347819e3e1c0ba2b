import type { ExportFormat, Tier } from '@yiping/contract/screen'
import { shallowRef } from 'vue'
import { codeOf, rest, RestError } from '../../../feed/rest.ts'
import { CsvTail } from './csv-tail.ts'
import type { Sink } from './sink.ts'

export interface ExportAsked {
  points: string
  from: number
  to: number
  bucket: Tier
  format: ExportFormat
}

/**
 * | state   | what happens                    | next                                  |
 * |---------|---------------------------------|---------------------------------------|
 * | running | rows come and are written       | done, failed; cancel forgets it       |
 * | failed  | what is there is kept           | running (go on); cancel forgets it    |
 * | done    | the file is whole               | cancel (put away)                     |
 */
export interface ExportState {
  name: 'running' | 'failed' | 'done'
  /** Null while nobody knows. */
  rows: number | null
  bytes: number
  /** Why it failed, as a code. */
  failure: string | null
  /** More rows than one file may have: these are the first. */
  limited: boolean
}

/** Longest silence: a question of the export itself may take 30 s in the database. */
const silenceMs = 45_000
const askEveryMs = 1000

/** One export on its way into its file. */
export class ExportJob {
  readonly state = shallowRef<ExportState>({ name: 'running', rows: 0, bytes: 0, failure: null, limited: false })
  #tail = new CsvTail()
  #stop = new AbortController()

  constructor(
    readonly asked: ExportAsked,
    /** Rows that were counted before; null: they could not be. */
    readonly total: number | null,
    private readonly sink: Sink,
  ) {}

  /** Begins, or goes on where it broke off. A Parquet file has its end last: without it, it begins again. */
  async run(): Promise<void> {
    const stop = new AbortController()
    this.#stop = stop
    this.#set({ name: 'running', failure: null })
    try {
      let cursor = this.asked.format === 'csv' ? this.#tail.cursor() : null
      if (cursor === null) await this.#begin()
      for (let first = true; first || cursor !== null; first = false) cursor = await this.#part(cursor, stop.signal)
      await this.sink.finish()
      this.#set({ name: 'done', rows: this.state.value.rows })
    } catch (error) {
      if (!stop.signal.aborted) this.#set({ name: 'failed', failure: codeOf(error) })
    }
  }

  /** Stops it and leaves nothing behind. */
  async cancel(): Promise<void> {
    this.#stop.abort()
    if (this.state.value.name !== 'done') await this.sink.discard().catch(() => undefined)
  }

  async #begin(): Promise<void> {
    await this.sink.restart()
    this.#tail = new CsvTail()
    this.#set({ rows: this.asked.format === 'csv' ? 0 : null, bytes: 0, limited: false })
  }

  /** One answer of the server; where the next one goes on, null when that was all. */
  async #part(cursor: string | null, stop: AbortSignal): Promise<string | null> {
    const { signal, heard, end } = patience(stop)
    let id: string | null = null
    try {
      const answer = await rest.export({ ...this.asked, ...(cursor !== null && { cursor }) }, signal)
      id = answer.headers.get('x-export')
      const asking = this.asked.format === 'parquet' && id !== null ? setInterval(() => void this.#ask(id ?? ''), askEveryMs) : undefined
      try {
        for await (const chunk of chunksOf(answer)) {
          heard()
          await this.#take(chunk)
        }
      } finally {
        clearInterval(asking)
      }
    } catch (error) {
      if (signal.aborted && !stop.aborted) throw new RestError('timeout', 'export', { cause: error })
      if (stop.aborted || error instanceof RestError) throw error
      // The line is cut where the server cannot go on: it knows why.
      const why = id === null ? null : await rest.exportProgress(id).catch(() => null)
      throw new RestError(why?.failure ?? (error instanceof DOMException ? 'file_failed' : 'unreachable'), 'export', { cause: error })
    } finally {
      end()
    }
    const outcome = id === null ? null : await rest.exportProgress(id, stop).catch(() => null)
    if (outcome?.state === 'failed') throw new RestError(outcome.failure ?? 'internal', 'export')
    if (this.asked.format === 'parquet') this.#set({ rows: outcome?.rows ?? this.total, limited: outcome?.state === 'limited' })
    return this.asked.format === 'csv' && outcome?.state === 'limited' ? this.#tail.cursor() : null
  }

  async #take(chunk: Uint8Array<ArrayBuffer>): Promise<void> {
    const bytes = this.asked.format === 'csv' ? this.#tail.push(chunk) : chunk
    if (bytes.length === 0) return
    await this.sink.write(bytes)
    this.#set({ bytes: this.state.value.bytes + bytes.length, ...(this.asked.format === 'csv' && { rows: this.#tail.rows }) })
  }

  async #ask(id: string): Promise<void> {
    const outcome = await rest.exportProgress(id, this.#stop.signal).catch(() => null)
    if (outcome && this.state.value.name === 'running') this.#set({ rows: outcome.rows })
  }

  #set(part: Partial<ExportState>): void {
    this.state.value = { ...this.state.value, ...part }
  }
}

async function* chunksOf(answer: Response): AsyncGenerator<Uint8Array<ArrayBuffer>> {
  const reader = answer.body?.getReader()
  if (!reader) return
  try {
    for (let next = await reader.read(); !next.done; next = await reader.read()) yield next.value
  } finally {
    await reader.cancel().catch(() => undefined)
  }
}

/** Aborts with `stop`, and when nothing was heard for too long. */
function patience(stop: AbortSignal): { signal: AbortSignal; heard: () => void; end: () => void } {
  const silent = new AbortController()
  let timer: ReturnType<typeof setTimeout> | undefined
  const heard = (): void => {
    clearTimeout(timer)
    timer = setTimeout(() => silent.abort(), silenceMs)
  }
  heard()
  return { signal: AbortSignal.any([stop, silent.signal]), heard, end: () => clearTimeout(timer) }
}
