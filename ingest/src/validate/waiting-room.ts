/** What of the waiting list is in the database, as loaded with the registry. */
export interface WaitingPlace {
  station: string
  metric: string
  held: number
}

export interface WaitingLimits {
  /** Pairs of station and metric on the list. */
  places: number
  heldPerStation: number
  held: number
}

export const waitingLimits: WaitingLimits = { places: 10_000, heldPerStation: 20_000, held: 1_000_000 }

/**
 * Who may wait for registration: the list is bounded, since anybody who may publish can invent station codes. It counts
 * what this process has admitted on top of what the database held when it was last loaded.
 */
export class WaitingRoom {
  #places = new Set<string>()
  #heldOf = new Map<string, number>()
  #held = 0

  constructor(private readonly limits: WaitingLimits = waitingLimits) {}

  load(places: readonly WaitingPlace[]): void {
    this.#places = new Set()
    this.#heldOf = new Map()
    this.#held = 0
    for (const p of places) {
      this.#places.add(`${p.station} ${p.metric}`)
      this.#count(p.station, p.held)
    }
  }

  /** `held`: the reading is kept. `seen`: it is on the list, its reading is not kept. `full`: neither. */
  admit(station: string, metric: string, keep: boolean): 'held' | 'seen' | 'full' {
    const key = `${station} ${metric}`
    if (!this.#places.has(key)) {
      if (this.#places.size >= this.limits.places) return 'full'
      this.#places.add(key)
    }
    if (!keep) return 'seen'
    if (this.#held >= this.limits.held || (this.#heldOf.get(station) ?? 0) >= this.limits.heldPerStation) return 'seen'
    this.#count(station, 1)
    return 'held'
  }

  #count(station: string, n: number): void {
    this.#held += n
    this.#heldOf.set(station, (this.#heldOf.get(station) ?? 0) + n)
  }
}
