import { emptyMemory, type Plan, type PointMemory } from '@yiping/contract'
import type { RegisteredStation } from '@yiping/db'
import type { Entry } from './saved-state.ts'

export interface Station {
  code: string
  domain: RegisteredStation['domain']
  district: string | null
  maintenance: boolean
}

/** Newest time and value, and since when it stands still: of each point together, since a reading needs all of them at once. */
export const cellsPerPoint = 4

/** A point that some rule watches, and what the rules remember of it. */
export class Point implements PointMemory {
  /** By place in the plan's rules; null while everything is calm. */
  entries: (Entry | null)[] | null = null
  /** Median and spread of each hour of the week in turn; null when not known. */
  normals: Float32Array | null = null
  window: PointMemory['window'] = null
  counter: PointMemory['counter'] = null
  /** Since when its value stands still has been looked up, or was seen here. */
  flatKnown = false

  constructor(
    readonly id: number,
    public station: Station,
    public plan: Plan,
    public cells: Float64Array,
  ) {
    this.forget()
  }

  get lastAt(): number {
    return this.cells[cellsPerPoint * this.id] ?? 0
  }
  set lastAt(at: number) {
    this.cells[cellsPerPoint * this.id] = at
  }
  get lastValue(): number {
    return this.cells[cellsPerPoint * this.id + 1] ?? 0
  }
  set lastValue(value: number) {
    this.cells[cellsPerPoint * this.id + 1] = value
  }
  get sameSince(): number {
    return this.cells[cellsPerPoint * this.id + 2] ?? 0
  }
  set sameSince(at: number) {
    this.cells[cellsPerPoint * this.id + 2] = at
  }

  forget(): void {
    Object.assign(this, emptyMemory())
  }

  get subject(): string {
    return `${this.station.code}:${this.plan.metric.code}`
  }
}
