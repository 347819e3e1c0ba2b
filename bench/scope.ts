/**
 * What a figure starts, it hands to its scope; the scope ends it, last in first out, whether the figure succeeded,
 * failed or was interrupted. Scopes that are open are known, so that a signal can close them all.
 */
export class Scope {
  static readonly #open = new Set<Scope>()
  #undo: { what: string; undo: () => unknown }[] = []
  #closing: Promise<void> | null = null

  constructor() {
    Scope.#open.add(this)
  }

  defer(what: string, undo: () => unknown): void {
    this.#undo.push({ what, undo })
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  async #close(): Promise<void> {
    for (let last = this.#undo.pop(); last !== undefined; last = this.#undo.pop())
      try {
        await last.undo()
      } catch (error) {
        process.stderr.write(`not ended: ${last.what}: ${error instanceof Error ? error.message : String(error)}\n`)
      }
    Scope.#open.delete(this)
  }

  static async closeAll(): Promise<void> {
    for (const scope of [...Scope.#open].reverse()) await scope.close()
  }
}

export async function withScope<T>(work: (scope: Scope) => Promise<T>): Promise<T> {
  const scope = new Scope()
  try {
    return await work(scope)
  } finally {
    await scope.close()
  }
}

/** Ctrl-C ends what runs and leaves no folder behind; a second one does not wait. */
export function closeOnSignal(): void {
  let asked = false
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.on(signal, () => {
      if (asked) process.exit(130)
      asked = true
      process.stderr.write(`\n${signal}: ending what runs\n`)
      void Scope.closeAll().finally(() => process.exit(130))
    })
}
