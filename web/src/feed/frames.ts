import { protocolVersion, type Delta, type Room, type Snapshot } from '@yiping/contract/screen'

/** What this page holds of a room. A cell is replaced whole, so the newest value needs no merging. */
export interface RoomState {
  /** Sequence of the last frame taken in; null before the first snapshot and after a gap. */
  seq: number | null
  at: number | null
  cells: Map<string, unknown>
}

export const emptyRoom = (): RoomState => ({ seq: null, at: null, cells: new Map() })

/** `gap`: a frame is missing, ask again for a whole snapshot. `foreign`: the server speaks another protocol. */
export type Verdict = { kind: 'taken'; changed: Set<string> } | { kind: 'gap' } | { kind: 'foreign' } | { kind: 'malformed' }

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null && !Array.isArray(x)

export function isSnapshot(x: unknown): x is Snapshot {
  return isRecord(x) && typeof x.room === 'string' && Number.isInteger(x.seq) && isRecord(x.data) && isRecord(x.data.cells)
}
export function isDelta(x: unknown): x is Delta {
  return isRecord(x) && typeof x.room === 'string' && Number.isInteger(x.seq) && isRecord(x.data) && isRecord(x.data.set) && Array.isArray(x.data.del)
}
export const roomOf = (x: unknown): Room | null => (isRecord(x) && typeof x.room === 'string' ? (x.room as Room) : null)

/** A snapshot replaces everything; cells that it lacks are gone. */
export function takeSnapshot(state: RoomState, frame: unknown): Verdict {
  if (isRecord(frame) && frame.v !== protocolVersion) return { kind: 'foreign' }
  if (!isSnapshot(frame)) return { kind: 'malformed' }
  const changed = new Set(state.cells.keys())
  state.cells.clear()
  for (const [key, value] of Object.entries(frame.data.cells)) {
    state.cells.set(key, value)
    changed.add(key)
  }
  state.seq = frame.seq
  state.at = frame.at
  return { kind: 'taken', changed }
}

export function takeDelta(state: RoomState, frame: unknown): Verdict {
  if (isRecord(frame) && frame.v !== protocolVersion) return { kind: 'foreign' }
  if (!isDelta(frame)) return { kind: 'malformed' }
  if (state.seq === null || frame.seq !== state.seq + 1) {
    state.seq = null
    return { kind: 'gap' }
  }
  const changed = new Set<string>()
  for (const [key, value] of Object.entries(frame.data.set)) {
    state.cells.set(key, value)
    changed.add(key)
  }
  for (const key of frame.data.del) if (state.cells.delete(key)) changed.add(key)
  state.seq = frame.seq
  state.at = frame.at
  return { kind: 'taken', changed }
}
