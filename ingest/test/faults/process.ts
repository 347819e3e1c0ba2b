import { type ChildProcess, fork } from 'node:child_process'
import { fileURLToPath } from 'node:url'

const entry = fileURLToPath(new URL('../../dist/main.js', import.meta.url))

/** Ingest as a process of its own, from the built bundle, as `npm start` runs it. */
export class IngestProcess {
  readonly exited: Promise<number | null>
  readonly ready: Promise<void>
  /** What it has said. */
  output = ''

  constructor(private readonly child: ChildProcess) {
    this.exited = new Promise((resolve) => child.once('exit', (code) => resolve(code)))
    this.ready = new Promise((resolve) => child.on('message', (m) => typeof m === 'object' && m !== null && 'type' in m && m.type === 'ready' && resolve()))
    const hear = (chunk: Buffer): void => {
      this.output = (this.output + chunk.toString()).slice(-20_000)
    }
    child.stdout?.on('data', hear)
    child.stderr?.on('data', hear)
  }

  static start(environment: { DATABASE_URL: string; MQTT_URL: string; DATA_DIR: string } & Record<string, string>): IngestProcess {
    return new IngestProcess(
      fork(entry, { env: { PATH: process.env.PATH, LOG_LEVEL: 'info', ...environment }, stdio: ['ignore', 'pipe', 'pipe', 'ipc'], execArgv: [] }),
    )
  }

  /** SIGKILL: nothing of it gets to finish. */
  async kill(): Promise<void> {
    this.child.kill('SIGKILL')
    await this.exited
  }

  async stop(): Promise<void> {
    this.child.kill('SIGTERM')
    await this.exited
  }
}
