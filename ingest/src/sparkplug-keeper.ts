import { readFileSync, renameSync, writeFileSync } from 'node:fs'
import { loadIngestState, type Queryable, saveIngestState } from '@yiping/db'
import { buildRebirthCommand, parseSparkplugSnapshot, SparkplugDecoder } from './decode/sparkplug.ts'
import type { IncomingMessage } from './receive/message.ts'

export interface SparkplugKeeperOptions {
  db: Queryable
  shard: string
  /** Where the births are kept beside the database. */
  file: string
  publish: (topic: string, payload: Uint8Array) => void
  onRebirth: (edge: { group: string; edge: string }) => void
  onFailed: (error: unknown) => void
}

const saveEveryMs = 1000

/**
 * The memory that Sparkplug needs: which alias means which metric. It is kept on disk and in the database, so that the
 * next process, here or on the standby's machine, can read messages whose births it never heard. Edges that it knows
 * from there are asked for their births once, since one may have been missed meanwhile.
 */
export class SparkplugKeeper {
  #decoder: SparkplugDecoder
  #saved = 0
  #saving: Promise<void> | null = null
  #timer: NodeJS.Timeout
  /** Heard nothing of them yet in this process. */
  #toAsk: { group: string; edge: string }[] = []

  private constructor(
    private readonly options: SparkplugKeeperOptions,
    text: string | null,
  ) {
    const snapshot = text === null ? null : parseSparkplugSnapshot(text)
    this.#decoder = new SparkplugDecoder(snapshot ?? undefined)
    this.#toAsk = snapshot?.edges.map(({ group, edge }) => ({ group, edge })) ?? []
    this.#timer = setInterval(() => void this.save(), saveEveryMs)
  }

  static async open(options: SparkplugKeeperOptions): Promise<SparkplugKeeper> {
    return new SparkplugKeeper(options, await newest(options))
  }

  /** What another process of the shard has heard since: before this one takes over. */
  async reload(): Promise<void> {
    const text = await newest(this.options)
    const snapshot = text === null ? null : parseSparkplugSnapshot(text)
    if (snapshot === null) return
    this.#decoder = new SparkplugDecoder(snapshot)
    this.#saved = 0
    this.#toAsk = snapshot.edges.map(({ group, edge }) => ({ group, edge }))
  }

  decode(message: IncomingMessage) {
    const decoded = this.#decoder.decode(message.topic, message.payload, message.receivedAt)
    if (decoded.rebirth !== null) this.#ask(decoded.rebirth)
    return {
      ...decoded,
      links: [...decoded.offline.map((station) => ({ station, online: false })), ...decoded.online.map((station) => ({ station, online: true }))],
    }
  }

  /** The subscription stands: commands reach the edges from now on. */
  connected(): void {
    for (const edge of this.#toAsk.splice(0)) this.#ask(edge)
  }

  #ask(edge: { group: string; edge: string }): void {
    const { topic, payload } = buildRebirthCommand(edge)
    this.options.publish(topic, payload)
    this.options.onRebirth(edge)
  }

  async save(): Promise<void> {
    this.#saving ??= this.#save().finally(() => {
      this.#saving = null
    })
    await this.#saving
  }

  async #save(): Promise<void> {
    const { changed } = this.#decoder
    if (changed === this.#saved) return
    const { db, shard, file, onFailed } = this.options
    const text = JSON.stringify(this.#decoder.snapshot())
    try {
      writeFileSync(`${file}.new`, JSON.stringify({ at: Date.now(), text }))
      renameSync(`${file}.new`, file)
      await saveIngestState(db, `sparkplug:${shard}`, text)
      this.#saved = changed
    } catch (error) {
      onFailed(error)
    }
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.save()
  }
}

/** The database's or the disk's, whichever is newer. */
async function newest({ db, shard, file }: SparkplugKeeperOptions): Promise<string | null> {
  let onDisk: { at: number; text: string } | null = null
  try {
    const saved: unknown = JSON.parse(readFileSync(file, 'utf8'))
    if (typeof saved === 'object' && saved !== null && 'at' in saved && typeof saved.at === 'number' && 'text' in saved && typeof saved.text === 'string')
      onDisk = { at: saved.at, text: saved.text }
  } catch {
    // None yet, or cut short: the database may have it, and the edges are asked anyway.
  }
  const stored = await loadIngestState(db, `sparkplug:${shard}`).catch(() => null)
  if (stored === null) return onDisk?.text ?? null
  return onDisk !== null && onDisk.at > stored.at ? onDisk.text : stored.state
}
