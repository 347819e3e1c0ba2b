import { setTimeout as delay } from 'node:timers/promises'

/** Looks again and again until there is something; says what was waited for in vain. */
export async function until<T>(
  what: string,
  look: () => T | null | undefined | false | Promise<T | null | undefined | false>,
  withinMs: number,
  everyMs = 25,
): Promise<T> {
  const end = Date.now() + withinMs
  for (;;) {
    const found = await look()
    if (found) return found
    if (Date.now() > end) throw new Error(`waited ${Math.round(withinMs / 1000)} s in vain: ${what}`)
    await delay(everyMs)
  }
}
