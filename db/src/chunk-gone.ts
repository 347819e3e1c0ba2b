const tries = 5

/**
 * TimescaleDB asks for sizes chunk by chunk, by name, and a chunk that is dropped or compressed between its list and its turn
 * is an error there. Then it is asked again: chunks go one at a time.
 */
export async function despiteGoneChunks<T>(ask: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      return await ask()
    } catch (error) {
      if (attempt === tries || !isGoneRelation(error)) throw error
    }
  }
}

/** By its name (42P01), or by its number, which PostgreSQL takes for a fault of its own (XX000). */
const isGoneRelation = (error: unknown): boolean =>
  error instanceof Error &&
  'code' in error &&
  (error.code === '42P01' || (error.code === 'XX000' && /could not (open relation|find .* relation|find tuple)|cache lookup failed/.test(error.message)))
