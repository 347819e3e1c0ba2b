import { mkdtemp, rm, symlink } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'
import type { TestProject } from 'vitest/node'

const here = (path: string): string => fileURLToPath(new URL(path, import.meta.url))

/**
 * Once a run: the thread that stores as one file. Tests start it some eighty times, and read from its sources each of those
 * takes a second of a core more.
 */
export default async function setup(run: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (!run.vitest.projects.some((p) => p.name === 'integration' || p.name === 'browser')) return undefined
  const folder = await mkdtemp(join(tmpdir(), 'yiping-thread-'))
  const file = join(folder, 'store-worker.mjs')
  await symlink(here('../../node_modules'), join(folder, 'node_modules'))
  await build({
    entryPoints: [here('../src/store/store-worker.ts')],
    ...{ outfile: file, bundle: true, platform: 'node', format: 'esm', packages: 'external', sourcemap: true, logLevel: 'warning' },
    alias: { '@yiping/contract': here('../../contract/src/index.ts'), '@yiping/db': here('../../db/src/index.ts') },
  })
  process.env.TEST_STORE_THREAD = file
  return () => rm(folder, { recursive: true, force: true })
}
