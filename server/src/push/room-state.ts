import { randomInt } from 'node:crypto'
import type { Delta, Room, Snapshot } from '@yiping/contract'
import { protocolVersion } from '@yiping/contract'

/**
 * Where a room's sequence starts: anywhere in 2^47, so that one that a client has from another server, or from an earlier
 * process, is never taken for one of this. The clock would not do: two servers that are asked for a room within a few
 * milliseconds of each other would count through the same numbers.
 */
const anySequence = (): number => randomInt(2 ** 47)

/** The cells of one room as last sent, with their sequence. Pure bookkeeping: who gets what is the hub's business. */
export class RoomState {
  #cells = new Map<string, { value: unknown; json: string }>()
  #seq: number

  constructor(
    readonly room: Room,
    startSeq: number = anySequence(),
  ) {
    this.#seq = startSeq
  }

  get seq(): number {
    return this.#seq
  }

  /**
   * Takes the room's cells of this tick; answers what changed, or null. Identical objects are not looked into. A cell
   * that `mayWait` finds to say the same as before is left as it was sent.
   */
  advance(cells: Record<string, unknown>, at: number, mayWait: (before: unknown, after: unknown) => boolean = () => false): Delta | null {
    const set: Record<string, unknown> = {}
    const del: string[] = []
    let changed = false
    for (const [key, value] of Object.entries(cells)) {
      const old = this.#cells.get(key)
      if (old !== undefined && old.value === value) continue
      const json = JSON.stringify(value)
      if (old !== undefined && old.json === json) {
        old.value = value
        continue
      }
      if (old !== undefined && mayWait(old.value, value)) continue
      this.#cells.set(key, { value, json })
      set[key] = value
      changed = true
    }
    for (const key of this.#cells.keys()) {
      if (key in cells) continue
      this.#cells.delete(key)
      del.push(key)
      changed = true
    }
    if (!changed) return null
    this.#seq += 1
    return { v: protocolVersion, room: this.room, seq: this.#seq, at, data: { set, del } }
  }

  snapshot(at: number): Snapshot {
    const cells: Record<string, unknown> = {}
    for (const [key, { value }] of this.#cells) cells[key] = value
    return { v: protocolVersion, room: this.room, seq: this.#seq, at, data: { cells } }
  }
}
