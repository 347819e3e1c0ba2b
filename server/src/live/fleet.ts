import type { TruthCell } from '@yiping/contract'
import type { IngestStatus } from '@yiping/db'

/** A process that has said nothing for so long is not there, ms. */
export const silentMs = 5000
/** A shard that has said nothing for so long is not expected any more, ms. */
const goneMs = 3_600_000

type Summary = Pick<TruthCell, 'spoolDepth' | 'spoolBytes' | 'spoolFull' | 'broker' | 'ingest'>

/**
 * The ingest processes as they last spoke: one active a shard and its standby. A shard that was heard within the hour is
 * expected to have an active process; a shard never heard is not known of.
 */
export class IngestFleet {
  readonly #said = new Map<string, { status: IngestStatus; heardAt: number; upAt: number | null }>()
  #upAt: number | null = null

  take(status: IngestStatus, now: number): void {
    const key = `${status.shard} ${status.role}`
    const upAt = this.#said.get(key)?.upAt ?? (status.role === 'active' && status.broker === 'up' ? now : null)
    this.#said.set(key, { status, heardAt: now, upAt })
    if (upAt !== null && upAt > (this.#upAt ?? Number.NEGATIVE_INFINITY)) this.#upAt = upAt
  }

  /** When the last of the shards was first heard to take messages in; null before any is. */
  get upAt(): number | null {
    return this.#upAt
  }

  /** Of each shard: when its active process was last heard, and what time it was by that process. */
  lastHeard(): Map<string, { heardAt: number; saidAt: number }> {
    return new Map([...this.#said.values()].flatMap(({ status: s, heardAt }) => (s.role === 'active' ? [[s.shard, { heardAt, saidAt: s.at }]] : [])))
  }

  get lastCommitAt(): number | null {
    return [...this.#said.values()].reduce<number | null>(
      (at, { status: s }) => (s.lastCommitAt !== null && s.lastCommitAt > (at ?? 0) ? s.lastCommitAt : at),
      null,
    )
  }

  summary(now: number): Summary {
    for (const [key, { heardAt }] of this.#said) if (now - heardAt > goneMs) this.#said.delete(key)
    const heard = this.#heard(now)
    const active = heard.filter((s) => s.role === 'active')
    const shards = new Set([...this.#said.values()].map((e) => e.status.shard))
    const silent = active.length === 0 || active.length < shards.size
    const sum = (of: (s: IngestStatus) => number): number | null => (silent ? null : heard.reduce((n, s) => n + of(s), 0))
    return {
      // What was active and stands by now may still have messages to store.
      spoolDepth: sum((s) => s.inFlight),
      spoolBytes: sum((s) => s.spoolBytes),
      spoolFull: heard.some((s) => s.spoolFull),
      broker: active.length === 0 ? 'unknown' : active.some((s) => s.broker === 'down') ? 'down' : 'up',
      ingest: silent ? 'silent' : 'up',
    }
  }

  /** Every process that was heard within the hour, the silent ones first. */
  processes(now: number): (IngestStatus & { heardAt: number; silent: boolean })[] {
    return [...this.#said.values()]
      .filter((e) => now - e.heardAt <= goneMs)
      .map(({ status, heardAt }) => ({ ...status, heardAt, silent: now - heardAt > silentMs }))
      .sort((a, b) => Number(b.silent) - Number(a.silent) || (a.shard < b.shard ? -1 : a.shard > b.shard ? 1 : a.role < b.role ? -1 : 1))
  }

  /** Every process that was heard within the hour, in words. */
  describe(now: number): string {
    const heard = new Set(this.#heard(now))
    const words = [...this.#said.values()].map(({ status: s }) => `${s.shard} ${s.role}${heard.has(s) ? '' : ' silent'}`)
    return words.length === 0 ? 'never heard' : words.sort().join(', ')
  }

  #heard(now: number): IngestStatus[] {
    return [...this.#said.values()].flatMap((e) => (now - e.heardAt <= silentMs ? [e.status] : []))
  }
}
