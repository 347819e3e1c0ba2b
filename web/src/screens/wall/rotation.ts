import type { WallScene } from '@yiping/contract/screen'

/**
 * Scenes that come up in turn. Time is a parameter: milliseconds of a clock that only runs forward.
 *
 * | mode    | when                                                      | a scene leaves by                  |
 * |---------|-----------------------------------------------------------|------------------------------------|
 * | away    | somebody looks at the past                               | a hand only                        |
 * | alarmed | a red alarm that nobody has acknowledged                   | a hand only                        |
 * | pushed  | an operator has asked for a scene, until a moment          | a hand, or the end: what was before |
 * | off     | rotation is not wanted, or there is one scene only         | a hand only                        |
 * | paused  | by the space bar                                           | a hand only                        |
 * | held    | a hand was here within `handMs`                            | a hand only                        |
 * | turning | else                                                       | a hand, or its dwell is over       |
 *
 * The topmost that is true counts. When a scene is let go on, its dwell begins anew: nobody who was reading loses the
 * picture at once.
 */
export type Mode = 'away' | 'alarmed' | 'pushed' | 'off' | 'paused' | 'held' | 'turning'

export interface Turn {
  scene: WallScene
  dwellMs: number
}

export interface Rotation {
  scene: WallScene
  on: boolean
  turns: readonly Turn[]
  paused: boolean
  alarmed: boolean
  away: boolean
  /** The last hand, or -Infinity. */
  handAt: number
  pushed: { until: number; before: WallScene } | null
  /** Its dwell counts from here. */
  since: number
}

export type RotationEvent =
  | { kind: 'look' }
  | { kind: 'configure'; on: boolean; turns: readonly Turn[] }
  /** Somebody touched the screen. */
  | { kind: 'hand' }
  | { kind: 'step'; by: 1 | -1 }
  | { kind: 'go'; scene: WallScene }
  | { kind: 'toggle' }
  | { kind: 'alarm'; on: boolean }
  /** To another moment, or back to now. */
  | { kind: 'travel'; away: boolean }
  | { kind: 'push'; scene: WallScene; forMs: number }

export const handMs = 60_000

export const startRotation = (scene: WallScene, now: number): Rotation => ({
  ...{ scene, on: false, turns: [], paused: false, alarmed: false, away: false, handAt: Number.NEGATIVE_INFINITY, pushed: null, since: now },
})

export function modeOf(r: Rotation, now: number): Mode {
  if (r.away) return 'away'
  if (r.alarmed) return 'alarmed'
  if (r.pushed !== null) return 'pushed'
  if (!r.on || !r.turns.some((t) => t.scene !== r.scene)) return 'off'
  if (r.paused) return 'paused'
  return now - r.handAt < handMs ? 'held' : 'turning'
}

/** The scene `by` turns on; one that is in no turn goes on with the first. */
export function sceneAfter(r: Rotation, by: 1 | -1, among: readonly WallScene[] = r.turns.map((t) => t.scene)): WallScene {
  const at = among.indexOf(r.scene)
  if (at < 0) return among[by === 1 ? 0 : among.length - 1] ?? r.scene
  return among[(at + by + among.length) % among.length] ?? r.scene
}

const dwellOf = (r: Rotation): number => r.turns.find((t) => t.scene === r.scene)?.dwellMs ?? r.turns[0]?.dwellMs ?? 0
const letGoAt = (r: Rotation): number => Math.max(r.since, r.handAt + handMs)

/** When something happens by itself: then it wants a `look`. Null: never. */
export function nextAt(r: Rotation, now: number): number | null {
  switch (modeOf(r, now)) {
    case 'pushed':
      return r.pushed?.until ?? null
    case 'held':
    case 'turning':
      return letGoAt(r) + dwellOf(r)
    case 'away':
    case 'alarmed':
    case 'off':
    case 'paused':
      return null
  }
}

/** The scene that comes up by itself within `withinMs`: its data may be fetched. */
export function upcoming(r: Rotation, now: number, withinMs: number): WallScene | null {
  const at = nextAt(r, now)
  if (at === null || at - now > withinMs) return null
  return r.pushed !== null ? r.pushed.before : sceneAfter(r, 1)
}

export function rotate(r: Rotation, event: RotationEvent, now: number, all: readonly WallScene[]): Rotation {
  switch (event.kind) {
    case 'look': {
      const at = nextAt(r, now)
      if (at === null || now < at) return r
      return r.pushed !== null ? { ...r, pushed: null, scene: r.pushed.before, since: now } : { ...r, scene: sceneAfter(r, 1), since: now }
    }
    case 'configure':
      return { ...r, on: event.on, turns: event.turns, since: now }
    case 'hand':
      return { ...r, handAt: now }
    case 'step': {
      const among = r.turns.length > 1 ? r.turns.map((t) => t.scene) : all
      return { ...r, handAt: now, pushed: null, scene: sceneAfter(r, event.by, among), since: now }
    }
    case 'go':
      return event.scene === r.scene ? r : { ...r, handAt: now, pushed: null, scene: event.scene, since: now }
    case 'toggle':
      // To go on is to go on now: the hand that said so does not hold it.
      return r.paused ? { ...r, paused: false, handAt: Number.NEGATIVE_INFINITY, since: now } : { ...r, paused: true, handAt: now }
    case 'alarm':
      return event.on === r.alarmed ? r : { ...r, alarmed: event.on, since: now }
    case 'travel':
      return event.away === r.away ? r : { ...r, away: event.away, since: now }
    case 'push':
      return { ...r, pushed: { until: now + event.forMs, before: r.pushed?.before ?? r.scene }, scene: event.scene, since: now }
  }
}
