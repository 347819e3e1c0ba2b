import { execFile, execFileSync } from 'node:child_process'
import { appendFile, chmod, chown, mkdtemp, rm } from 'node:fs/promises'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'

/** The programs of a server on this machine with TimescaleDB beside them; null where there are none. */
function serverPrograms(): string | null {
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
function whoRuns(): { uid?: number; gid?: number } | null {
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

/** Servers that a test makes and ends by itself, with TEST_DATABASE_URL where PostgreSQL's programs are; null elsewhere. */
export function serversHere(): { bin: string; who: { uid?: number; gid?: number } } | null {
  const bin = process.env.TEST_DATABASE_URL ? serverPrograms() : null
  const who = bin === null ? null : whoRuns()
  return bin === null || who === null ? null : { bin, who }
}

/** Servers of PostgreSQL that a test makes, stops and starts by itself, in a folder of its own. */
export class OwnServers {
  readonly #running = new Set<string>()

  private constructor(
    readonly folder: string,
    private readonly here: NonNullable<ReturnType<typeof serversHere>>,
  ) {}

  static async make(here: ReturnType<typeof serversHere>): Promise<OwnServers> {
    if (here === null) throw new Error('no programs of PostgreSQL here')
    const servers = new OwnServers(await mkdtemp(join(tmpdir(), 'yiping-servers-')), here)
    await chmod(servers.folder, 0o755)
    await servers.own(servers.folder)
    return servers
  }

  /** As whom, and with which programs on the path, something runs beside them. */
  get environment(): { uid?: number; gid?: number; env: NodeJS.ProcessEnv } {
    return { ...this.here.who, env: { ...process.env, PATH: `${this.here.bin}:${process.env.PATH}`, PGTZ: 'UTC' } }
  }
  url(port: number): string {
    return `postgres://yiping@127.0.0.1:${port}/city`
  }
  async own(path: string): Promise<void> {
    const { uid, gid } = this.here.who
    if (uid !== undefined && gid !== undefined) await chown(path, uid, gid)
  }
  run(program: string, ...args: string[]): Promise<unknown> {
    return promisify(execFile)(program, args, this.environment)
  }

  /** Runs with an empty database `city`. `lines`: more of its configuration. */
  async create(name: string, port: number, lines: readonly string[] = []): Promise<void> {
    const data = join(this.folder, name)
    await this.run('initdb', '-D', data, '-U', 'yiping', '--auth=trust', '--no-sync', '--encoding=UTF8', '--locale=C')
    const all = ["shared_preload_libraries = 'timescaledb'", 'timescaledb.telemetry_level = off', 'fsync = off', ...lines]
    await appendFile(join(data, 'postgresql.conf'), all.map((line) => `${line}\n`).join(''))
    await this.start(name, port)
    await this.run('createdb', '-h', '127.0.0.1', '-p', String(port), '-U', 'yiping', 'city')
  }
  async start(name: string, port: number): Promise<void> {
    this.#running.add(name)
    await this.#control(name, '-t', '60', '-l', join(this.folder, 'log'), '-o', `-p ${port} -k ${this.folder}`, 'start')
  }
  async stop(name: string, mode: 'fast' | 'immediate' = 'fast'): Promise<void> {
    await this.#control(name, '-m', mode, 'stop')
    this.#running.delete(name)
  }
  #control(name: string, ...args: string[]): Promise<unknown> {
    return this.run('pg_ctl', '-D', join(this.folder, name), '-w', ...args)
  }
  async end(): Promise<void> {
    for (const name of [...this.#running]) await this.stop(name, 'immediate').catch(() => {})
    await rm(this.folder, { recursive: true, force: true })
  }
}
