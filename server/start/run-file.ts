import { mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

/** `DATA_DIR/run.json`: what runs now, for `npm start -- --psql`, `--status` and `npm run db`. Readable by its owner only. */
export interface RunFile {
  pid: number
  startedAt: string
  address: string | null
  databaseUrl: string
  mqttUrl: string
  services: { name: string; state: string; pid: number | null; restarts: number }[]
}

export const runFilePath = (dataDir: string): string => join(dataDir, 'run.json')

/** Replaced as a whole, so that a reader never sees half of it. */
export async function writeRunFile(dataDir: string, run: RunFile): Promise<void> {
  const path = runFilePath(dataDir)
  await mkdir(dirname(path), { recursive: true })
  await writeFile(`${path}.new`, `${JSON.stringify(run, null, 2)}\n`, { mode: 0o600 })
  await rename(`${path}.new`, path)
}

export const removeRunFile = (dataDir: string): Promise<void> => rm(runFilePath(dataDir), { force: true })

/** Null when nothing runs there. */
export async function readRunFile(dataDir: string): Promise<RunFile | null> {
  try {
    const run: unknown = JSON.parse(await readFile(runFilePath(dataDir), 'utf8'))
    if (typeof run !== 'object' || run === null || !('pid' in run) || typeof run.pid !== 'number' || !isRun(run)) return null
    process.kill(run.pid, 0)
    return run
  } catch {
    return null
  }
}

const isRun = (value: object): value is RunFile =>
  'databaseUrl' in value && typeof value.databaseUrl === 'string' && 'services' in value && Array.isArray(value.services)
