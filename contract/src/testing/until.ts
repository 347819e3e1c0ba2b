/**
 * Resolves with what `look` finds as soon as that is something; fails loudly after `deadlineMs`. It polls, since what a
 * test waits for is in another process or in the database.
 */
export async function until<T>(what: string, look: () => T | Promise<T>, deadlineMs = 20_000): Promise<Exclude<NonNullable<T>, false>> {
  const end = Date.now() + deadlineMs
  for (;;) {
    const found = await look()
    if (found) return found as Exclude<NonNullable<T>, false>
    if (Date.now() > end) throw new Error(`waited ${deadlineMs} ms in vain: ${what}`)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
