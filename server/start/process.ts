import { type ChildProcess, fork } from 'node:child_process'
import { createInterface } from 'node:readline'
import type { Running } from './service.ts'

export interface ProcessOptions {
  name: string
  entry: string
  args?: readonly string[]
  /** Flags of Node itself. */
  flags?: readonly string[]
  env: Readonly<Record<string, string | undefined>>
  /** Takes each line that the process writes. */
  onLine: (line: string) => void
  /** Takes whatever else it says. */
  onMessage?: (message: Record<string, unknown>) => void
  /** Takes what it says with its `ready` message. */
  onReady?: (message: Record<string, unknown>) => void
  /** Ends it while it comes up. */
  signal?: AbortSignal
  readyWithinMs?: number
  stopWithinMs?: number
}

/** A fault that no restart mends: a port in use, a wrong environment (sysexits EX_CONFIG). */
export const exitConfig = 78

export class ProcessEnded extends Error {
  override name = 'ProcessEnded'
  constructor(
    readonly part: string,
    readonly code: number | null,
    why: string,
  ) {
    super(`${part} ${why}`)
  }
}

/**
 * Forks one of our services: it says `{type: 'ready'}` over IPC and stops on `'stop'`, or when the channel goes because
 * this process died. In a process group of its own, so that Ctrl-C reaches only the supervisor, which stops the parts in
 * their order.
 */
export async function startProcess(options: ProcessOptions): Promise<Running> {
  const child: ChildProcess = fork(options.entry, options.args ?? [], {
    env: { ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    detached: process.platform !== 'win32',
    execArgv: ['--enable-source-maps', ...(options.flags ?? [])],
  })
  for (const stream of [child.stdout, child.stderr]) if (stream) createInterface({ input: stream }).on('line', options.onLine)
  let exitCode: number | null = null
  const exited = new Promise<string>((resolve) => {
    child.once('exit', (code, signal) => {
      exitCode = code
      resolve(signal ? `ended by ${signal}` : `ended with code ${code}`)
    })
    child.once('error', (error) => resolve(error.message))
  })
  const ready = new Promise<void>((resolve) => {
    child.on('message', (message) => {
      if (typeof message !== 'object' || message === null || !('type' in message)) return
      if (message.type !== 'ready') return options.onMessage?.({ ...message })
      options.onReady?.({ ...message })
      resolve()
    })
  })
  const kill = async (): Promise<void> => {
    const timer = setTimeout(() => child.kill('SIGKILL'), options.stopWithinMs ?? 8500)
    if (child.connected) child.send('stop', () => {})
    else child.kill('SIGTERM')
    await exited
    clearTimeout(timer)
  }
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<'late'>((resolve) => {
    timer = setTimeout(() => resolve('late'), options.readyWithinMs ?? 60_000)
  })
  const end = (): void => void child.kill('SIGTERM')
  options.signal?.addEventListener('abort', end, { once: true })
  const first = await Promise.race([ready, exited, late])
  clearTimeout(timer)
  options.signal?.removeEventListener('abort', end)
  if (first === 'late') {
    await kill()
    throw new Error(`${options.name} did not become ready`)
  }
  if (typeof first === 'string') throw new ProcessEnded(options.name, exitCode, first)
  return { pid: child.pid, exited, stop: kill }
}

/** Runs a command to its end; rejects with its last lines when it fails. */
export async function runToEnd(options: Omit<ProcessOptions, 'onReady'>): Promise<void> {
  const child = fork(options.entry, options.args ?? [], {
    env: { ...options.env },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    execArgv: ['--enable-source-maps', ...(options.flags ?? [])],
  })
  const tail: string[] = []
  for (const stream of [child.stdout, child.stderr])
    if (stream)
      createInterface({ input: stream }).on('line', (line) => {
        options.onLine(line)
        tail.push(line)
        if (tail.length > 20) tail.shift()
      })
  const code = await new Promise<number | null>((resolve, reject) => {
    child.once('close', resolve)
    child.once('error', reject)
  })
  if (code !== 0) throw new Error(`${options.name} failed:\n${tail.join('\n')}`)
}
