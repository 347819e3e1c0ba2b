import { randomUUID } from 'node:crypto'
import type { ExportOutcome } from './export-rows.ts'

/** How far the newest exports have come, for pages that see no trailers. What is old makes room. */
export class ExportLog {
  readonly #known = new Map<string, ExportOutcome>()

  constructor(private readonly most = 100) {}

  open(outcome: ExportOutcome): string {
    const id = randomUUID()
    this.#known.set(id, outcome)
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= this.most) break
      this.#known.delete(oldest)
    }
    return id
  }

  find(id: string): ExportOutcome | undefined {
    return this.#known.get(id)
  }
}
