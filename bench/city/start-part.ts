import { fork } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Scope } from '../scope.ts'

export interface Part {
  pid: number
  /** What it said with its `ready` message. */
  ready: Record<string, unknown>
  tell: (message: string) => void
  /** Resolves with the first message of that type. */
  says: (type: string) => Promise<Record<string, unknown>>
  stop: () => Promise<void>
  /** SIGKILL: it gets no chance to save anything. */
  kill: () => Promise<void>
}

/** One process of ours alone: it says `{type: 'ready'}` and ends on `'stop'`. */
export async function startPart(
  scope: Scope,
  entry: string,
  options: { args?: readonly string[]; env?: Readonly<Record<string, string>>; execArgv?: readonly string[] } = {},
): Promise<Part> {
  const child = fork(entry, options.args ?? [], {
    env: { ...process.env, LOG_LEVEL: 'warn', RATE_LIMIT_PER_MINUTE: '0', RATE_LIMIT_ADDRESS_PER_MINUTE: '0', ...options.env },
    // Without a word about it a fork inherits ours, which is how a .ts entry runs.
    ...(options.execArgv === undefined ? {} : { execArgv: [...options.execArgv] }),
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: true,
  })
  for (const stream of [child.stdout, child.stderr]) if (stream) createInterface({ input: stream }).on('line', (line) => process.stderr.write(`${line}\n`))
  let ended = false
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve())).then(() => {
    ended = true
  })
  const stop = async (): Promise<void> => {
    if (ended) return
    const timer = setTimeout(() => child.kill('SIGKILL'), 15_000)
    if (child.connected) child.send('stop', () => {})
    else child.kill('SIGTERM')
    await exited
    clearTimeout(timer)
  }
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  scope.defer(entry, stop)
  const first = (type: string): Promise<Record<string, unknown>> =>
    new Promise((resolve) => {
      child.on('message', (message) => {
        if (typeof message === 'object' && message !== null && 'type' in message && message.type === type) resolve({ ...message })
      })
    })
  const ready = await Promise.race([first('ready'), exited.then(() => null)])
  const { pid } = child
  if (ready === null || pid === undefined) throw new Error(`${entry} ended before it was ready`)
  return { pid, ready, tell: (message) => child.send(message, () => {}), says: first, stop, kill }
}
