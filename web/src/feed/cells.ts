import type { Room } from '@yiping/contract/screen'
import { shallowRef, type ShallowRef } from 'vue'
import { emptyRoom, type RoomState } from './frames.ts'

/** Part of a cell's key that names its kind: `kpi:ws.pressure_pass` → `kpi:`. */
export const prefixOf = (key: string): string => {
  const colon = key.indexOf(':')
  return colon < 0 ? key : key.slice(0, colon + 1)
}

/**
 * The cells of all rooms, in plain maps. What a component reads is a shallow ref of one cell, or the revision of a
 * kind of cells; refs are made when first asked for, and moved once per animation frame for what changed.
 */
export interface Cells {
  room(room: Room): RoomState
  /** The value of one cell; undefined when the room has none. */
  cell(room: Room, key: string): Readonly<ShallowRef<unknown>>
  /** Counts up when any cell of this kind changed (`station:`, `row:`); read the values with `entries`. */
  revision(room: Room, prefix: string): Readonly<ShallowRef<number>>
  entries(room: Room, prefix: string): IterableIterator<[string, unknown]>
  /** True as soon as a snapshot of the room was taken in. */
  ready(room: Room): Readonly<ShallowRef<boolean>>
  touch(room: Room, changed: ReadonlySet<string>, done: () => void): void
  forget(room: Room): void
  flush(): void
}

interface Held {
  state: RoomState
  refs: Map<string, ShallowRef<unknown>>
  revisions: Map<string, ShallowRef<number>>
  ready: ShallowRef<boolean>
  dirty: Set<string>
}

/** `schedule` runs its argument before the next paint. */
export function createCells(schedule: (flush: () => void) => void): Cells {
  const rooms = new Map<Room, Held>()
  const waiting: (() => void)[] = []
  let scheduled = false

  const held = (room: Room): Held => {
    let h = rooms.get(room)
    if (!h) {
      h = { state: emptyRoom(), refs: new Map(), revisions: new Map(), ready: shallowRef(false), dirty: new Set() }
      rooms.set(room, h)
    }
    return h
  }

  const flush = (): void => {
    scheduled = false
    for (const h of rooms.values()) {
      if (h.state.seq !== null) h.ready.value = true
      if (h.dirty.size === 0) continue
      const kinds = new Set<string>()
      for (const key of h.dirty) {
        kinds.add(prefixOf(key))
        const ref = h.refs.get(key)
        if (ref) ref.value = h.state.cells.get(key)
      }
      h.dirty.clear()
      for (const kind of kinds) {
        const revision = h.revisions.get(kind)
        if (revision) revision.value++
      }
    }
    for (const done of waiting.splice(0)) done()
  }

  return {
    room: (room) => held(room).state,
    cell(room, key) {
      const h = held(room)
      let ref = h.refs.get(key)
      if (!ref) {
        ref = shallowRef(h.state.cells.get(key))
        h.refs.set(key, ref)
      }
      return ref
    },
    revision(room, prefix) {
      const h = held(room)
      let ref = h.revisions.get(prefix)
      if (!ref) {
        ref = shallowRef(0)
        h.revisions.set(prefix, ref)
      }
      return ref
    },
    *entries(room, prefix) {
      for (const entry of held(room).state.cells) if (entry[0].startsWith(prefix)) yield entry
    },
    ready: (room) => held(room).ready,
    touch(room, changed, done) {
      const h = held(room)
      for (const key of changed) h.dirty.add(key)
      waiting.push(done)
      if (!scheduled) {
        scheduled = true
        schedule(flush)
      }
    },
    forget(room) {
      const h = rooms.get(room)
      if (!h) return
      h.state = emptyRoom()
      h.dirty.clear()
      h.ready.value = false
      for (const ref of h.refs.values()) ref.value = undefined
      for (const ref of h.revisions.values()) ref.value++
    },
    flush,
  }
}
