import { readFile, rm } from 'node:fs/promises'
import { join } from 'node:path'
import { until } from '../until.ts'

/** Environment of a Node process that is to tell what it holds; `folder`: where it writes that down. */
export const tellsMemory = (folder: string): Record<string, string> => ({
  BENCH_MEMORY: folder,
  NODE_OPTIONS: `--import ${new URL('memory-probe.mjs', import.meta.url).href}`,
})

/**
 * What a Node process holds once its garbage is collected, bytes: objects and the buffers that belong to them. What the
 * operating system gives it is more: garbage, and what the C library keeps of buffers that were freed in between others.
 */
export async function heldBy(pid: number, folder: string): Promise<number> {
  const path = join(folder, `${pid}.json`)
  await rm(path, { force: true })
  process.kill(pid, 'SIGWINCH')
  const text = await until('the process has written down what it holds', () => readFile(path, 'utf8').catch(() => null), 30_000)
  const { heapUsed, external } = JSON.parse(text) as NodeJS.MemoryUsage
  return heapUsed + external
}
