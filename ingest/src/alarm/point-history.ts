import { setTimeout as delay } from 'node:timers/promises'
import { loadFlatSince, loadNormals, loadReadingsSince, type Queryable } from '@yiping/db'
import type { PointSet } from './point-set.ts'
import type { Point } from './watched-point.ts'

/** Points whose history is looked up at once: what a batch waits for, and what can wait itself. */
const pointsPerQuery = 2000
const recalledPerQuery = 100
/** Between two queries others have their turn. */
const recallPauseMs = 200

/** The readings that sums go on from: no batch is evaluated before them. */
export async function loadWindows(db: Queryable, points: PointSet, now: number): Promise<void> {
  const summed = points.byId.filter((p) => p !== undefined && p.plan.remembering.longestWindowMs > 0 && p.window === null)
  const longest = Math.max(0, ...summed.map((p) => p?.plan.remembering.longestWindowMs ?? 0))
  const ids = summed.map((p) => p?.id ?? 0)
  for (let i = 0; i < ids.length; i += pointsPerQuery)
    for (const r of await loadReadingsSince(db, ids.slice(i, i + pointsPerQuery), now - longest)) {
      const point = points.byId[r.pointId]
      if (point === undefined || r.at > point.lastAt) continue
      point.window ??= []
      point.window.push({ at: r.at, value: r.value })
    }
}

/** History that delays no batch: since when values stand still, and what is normal. Begins after `afterMs`. */
export async function recall(db: Queryable, points: PointSet, now: () => number, afterMs: number, signal: AbortSignal): Promise<void> {
  const pause = (ms: number): Promise<void> => delay(ms, undefined, { signal, ref: false }).catch(() => {})
  await pause(afterMs)
  const flat: Point[] = []
  const deviating: Point[] = []
  let longestS = 0
  for (const point of points.byId) {
    if (point === undefined) continue
    for (const { rule } of point.plan.rules) {
      if (rule.kind === 'deviation' && point.normals === null) deviating.push(point)
      if (rule.kind !== 'flat' || !Number.isFinite(point.lastAt) || point.flatKnown) continue
      flat.push(point)
      longestS = Math.max(longestS, ...rule.levels.map((l) => l.value))
    }
  }
  for (let i = 0; i < deviating.length && !signal.aborted; i += recalledPerQuery) {
    if (i > 0) await pause(recallPauseMs)
    for (const n of await loadNormals(
      db,
      deviating.slice(i, i + recalledPerQuery).map((p) => p.id),
    )) {
      const normals = new Float32Array(2 * 168).fill(Number.NaN)
      for (const [k, hour] of n.hours.entries()) {
        normals[2 * hour] = n.medians[k] ?? Number.NaN
        normals[2 * hour + 1] = n.spreads[k] ?? Number.NaN
      }
      const point = points.byId[n.pointId]
      if (point) point.normals = normals
    }
  }
  for (let i = 0; i < flat.length && !signal.aborted; i += recalledPerQuery) {
    if (i > 0) await pause(recallPauseMs)
    const some = flat.slice(i, i + recalledPerQuery)
    const loaded = new Map(some.map((p) => [p.id, p.lastValue]))
    for (const p of some) p.flatKnown = true
    for (const { pointId, since } of await loadFlatSince(db, [...loaded.keys()], now() - (longestS + 3600) * 1000, now())) {
      const point = points.byId[pointId]
      if (point && point.lastValue === loaded.get(pointId) && since < point.sameSince) point.sameSince = since
    }
  }
}
