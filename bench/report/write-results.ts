import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { resultsFolder } from '../built.ts'

/** `bench/results/<date>.json`; answers the path. */
export async function writeResults(name: string, results: unknown, now: Date): Promise<string> {
  await mkdir(resultsFolder, { recursive: true })
  const path = join(resultsFolder, `${name}${now.toISOString().slice(0, 19).replaceAll(':', '')}Z.json`)
  await writeFile(path, `${JSON.stringify(results, null, 2)}\n`)
  return path
}
