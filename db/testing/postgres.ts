import { execFileSync } from 'node:child_process'
import { createServer } from 'node:net'

/** The programs of a server on this machine with TimescaleDB beside them; null where there are none. */
export function serverPrograms(): string | null {
  try {
    const [bin, lib] = ['--bindir', '--pkglibdir'].map((of) =>
      execFileSync('pg_config', [of], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim(),
    )
    execFileSync('test', ['-x', `${bin}/initdb`, '-a', '-f', `${lib}/timescaledb.so`])
    return bin ?? null
  } catch {
    return null
  }
}
/** PostgreSQL does not run as root: its own user does it then. */
export function whoRuns(): { uid?: number; gid?: number } | null {
  if (process.getuid?.() !== 0) return {}
  try {
    const [uid, gid] = ['-u', '-g'].map((of) => Number(execFileSync('id', [of, 'postgres'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] })))
    return uid === undefined || gid === undefined ? null : { uid, gid }
  } catch {
    return null
  }
}
/** For a program that cannot say which port it took. */
export async function freePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  return typeof address === 'object' && address !== null ? address.port : 0
}
