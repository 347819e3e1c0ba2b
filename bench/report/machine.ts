import { execFile } from 'node:child_process'
import { cpus, loadavg, platform, release, totalmem } from 'node:os'
import { promisify } from 'node:util'

export interface Machine {
  cores: number
  cpu: string
  memoryGiB: number
  os: string
  node: string
  /** Runnable processes, mean of the last minute: above `cores`, figures are worse than the machine is. */
  load1: number
  commit: string | null
}

export async function machine(): Promise<Machine> {
  const commit = await promisify(execFile)('git', ['rev-parse', '--short', 'HEAD']).then(
    ({ stdout }) => stdout.trim(),
    () => null,
  )
  return {
    cores: cpus().length,
    cpu: cpus()[0]?.model.trim() ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
    os: `${platform()} ${release()}`,
    node: process.version,
    load1: Math.round((loadavg()[0] ?? 0) * 100) / 100,
    commit,
  }
}
