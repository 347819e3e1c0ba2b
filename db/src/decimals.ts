import type { Queryable } from './connection.ts'

const mostDecimals = 6
/** Far enough below 2^53 for the product to round to the same whole number here and in the database. */
const mostDigits = 2 ** 50
const powers = Array.from({ length: mostDecimals + 1 }, (_, n) => 10 ** n)

/**
 * In how many decimals each point's sensor speaks, as seen so far: a packed reading is a whole number of such steps. It grows only, since
 * a sensor of two decimals that says 1.3 means 1.30, and the columnstore packs a point's readings well when they are in the same steps.
 */
export class Decimals {
  #seen = new Uint8Array(1024)

  /** The power of ten by which `value` is to be multiplied and divided; 0 when it is no decimal so short, and stays a double. */
  per(pointId: number, value: number): number {
    for (let n = this.#seen[pointId] ?? 0; n <= mostDecimals; n += 1) {
      const power = powers[n] ?? 1
      const digits = Math.round(value * power)
      if (digits / power !== value) continue
      if (Math.abs(digits) > mostDigits || Object.is(digits, -0)) return 0
      if (n !== this.#seen[pointId]) this.#see(pointId, n)
      return power
    }
    return 0
  }

  #see(pointId: number, n: number): void {
    if (pointId >= this.#seen.length) {
      const more = new Uint8Array(Math.max(pointId + 1, 2 * this.#seen.length))
      more.set(this.#seen)
      this.#seen = more
    }
    this.#seen[pointId] = n
  }
}

/** How this database's readings are written: null as they were before there was another form. */
export async function loadDecimals(db: Queryable): Promise<Decimals | null> {
  const { rows } = await db.query<{ packed: boolean }>('select packed from reading_form')
  return rows[0]?.packed === true ? new Decimals() : null
}
