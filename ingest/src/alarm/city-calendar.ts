import { heatingSeason, type Season, zoneOffsetMs } from '@yiping/contract'

const hourMs = 3_600_000
/** 1 January 1970 was a Thursday: hours since the Monday before. */
const thursday = 72

/** Hours of the week and the heating season of a city, asked for with many readings of the same hour. */
export class CityCalendar {
  #hour = Number.NaN
  #offsetMs = 0
  #season: Season | null = null

  constructor(readonly zone: string) {}

  /** 0 = Monday 00–01 by the city's clock. */
  hourOfWeek(at: number): number {
    // No zone changes its clock within an hour of UTC by less than a quarter of it.
    const quarter = Math.floor((4 * at) / hourMs)
    if (quarter !== this.#hour) {
      this.#hour = quarter
      this.#offsetMs = zoneOffsetMs(at, this.zone)
    }
    return (((Math.floor((at + this.#offsetMs) / hourMs) + thursday) % 168) + 168) % 168
  }

  isHeated(at: number): boolean {
    if (this.#season === null || at < this.#season.from || at >= this.#season.until) this.#season = heatingSeason(at, this.zone)
    return this.#season.inside
  }
}
