import { heatingSeason, hoursOfWeekIn, type Season } from '@yiping/contract'

/** Hours of the week and the heating season of a city, asked for with many readings of the same hour. */
export class CityCalendar {
  /** 0 = Monday 00–01 by the city's clock. */
  readonly hourOfWeek: (at: number) => number
  #season: Season | null = null

  constructor(readonly zone: string) {
    this.hourOfWeek = hoursOfWeekIn(zone)
  }

  isHeated(at: number): boolean {
    if (this.#season === null || at < this.#season.from || at >= this.#season.until) this.#season = heatingSeason(at, this.zone)
    return this.#season.inside
  }
}
