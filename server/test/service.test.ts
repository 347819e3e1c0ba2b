import { describe, expect, it } from 'vitest'
import { type Running, Service } from '../start/service.ts'

/** A process that ends when it is told to, one way or the other. */
function fakeProcess(pid: number): Running & { die: (why: string) => void; stopped: boolean } {
  let end = (_why: string): void => {}
  const exited = new Promise<string>((resolve) => {
    end = resolve
  })
  const self = {
    pid,
    exited,
    stopped: false,
    die: (why: string) => end(why),
    stop: () => {
      self.stopped = true
      end('ended by SIGTERM')
      return Promise.resolve()
    },
  }
  return self
}

/** Resolves with each state change, so that a test waits for events and not for time. */
function watch() {
  const seen: string[] = []
  const waiting: { state: string; go: () => void }[] = []
  return {
    seen,
    onChange: (service: Service) => {
      seen.push(service.state)
      for (const w of waiting.splice(0)) w.state === service.state ? w.go() : waiting.push(w)
    },
    until: (state: string) => new Promise<void>((go) => waiting.push({ state, go })),
  }
}

describe('a supervised process', () => {
  it('that dies is started again and counted', async () => {
    const processes = [fakeProcess(1), fakeProcess(2)]
    const w = watch()
    let n = 0
    const service = new Service({ name: 'part', start: () => Promise.resolve(processes[n++] ?? fakeProcess(9)), onChange: w.onChange })
    await service.start()
    expect(service.pid).toBe(1)
    const again = w.until('running')
    processes[0]?.die('ended by SIGKILL')
    await again
    expect([service.pid, service.restarts]).toEqual([2, 1])
    expect(w.seen).toEqual(['starting', 'running', 'waiting', 'starting', 'running'])
    await service.stop()
    expect(processes[1]?.stopped).toBe(true)
    expect(service.state).toBe('stopped')
  })

  it('that fails while starting is tried again, unless no restart can mend it', async () => {
    let n = 0
    const w = watch()
    const service = new Service({
      name: 'part',
      onChange: w.onChange,
      isFinal: (error) => error instanceof Error && error.message === 'folder in use',
      start: () => Promise.reject(new Error(++n < 3 ? 'not yet' : 'folder in use')),
    })
    await expect(service.start()).rejects.toThrow('folder in use')
    expect([n, service.state]).toEqual([3, 'refused'])
  })

  it('can be stopped while it comes up', async () => {
    const w = watch()
    const service = new Service({
      name: 'part',
      onChange: w.onChange,
      start: (signal) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('ended by SIGTERM')))),
    })
    const started = service.start()
    const refused = expect(started).rejects.toThrow('part was stopped')
    await service.stop()
    await refused
    expect(service.state).toBe('stopped')
  })
})
