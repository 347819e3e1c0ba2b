import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { listen, startBroker, type Broker } from './broker.ts'

/** From the built bundle, as `npm start` runs it. */
const main = fileURLToPath(new URL('../dist/bin/main.js', import.meta.url))
let broker: Broker
let folder: string
let child: ChildProcess | null = null

beforeEach(async () => {
  broker = await startBroker()
  folder = mkdtempSync(join(tmpdir(), 'simulator-'))
})
afterEach(async () => {
  child?.kill('SIGKILL')
  child = null
  await broker.stop()
  rmSync(folder, { recursive: true })
})

const environment = () => ({ ...process.env, MQTT_URL: broker.url, LOG_LEVEL: 'info' })
/** Until the child has written something that matches to that stream. */
const said = (stream: NodeJS.ReadableStream | null, pattern: RegExp): Promise<string> =>
  new Promise((resolve, reject) => {
    let text = ''
    stream?.on('data', (data: Buffer) => {
      text += data.toString('utf8')
      if (pattern.test(text)) resolve(text)
    })
    stream?.once('end', () => reject(new Error(`never said ${pattern.source}: ${text}`)))
  })
/** Exit code, and what it wrote. */
async function finish(args: string[], env: NodeJS.ProcessEnv = environment()): Promise<{ code: number | null; out: string; err: string }> {
  child = spawn(process.execPath, [main, ...args], { env })
  let out = ''
  let err = ''
  child.stdout?.on('data', (d: Buffer) => (out += d.toString('utf8')))
  child.stderr?.on('data', (d: Buffer) => (err += d.toString('utf8')))
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, out, err }
}

describe('the process', () => {
  it('says that it is ready, starts a scenario on command, and stops cleanly on "stop" from its parent', async () => {
    const labels = join(folder, 'labels.jsonl')
    const ear = await listen(broker.url)
    const running = fork(main, ['--labels', labels], { execArgv: [], env: environment(), stdio: ['ignore', 'pipe', 'pipe', 'ipc'] })
    child = running
    const readyLine = said(running.stdout, /ready: /)
    const message = once(running, 'message')
    expect((await message)[0]).toEqual({ type: 'ready', from: expect.any(Number) })
    await readyLine
    await ear.until(() => ear.heard.length > 1000)
    // The ring of the last minutes comes first; then live values, hardly older than a tick.
    await ear.until(() => ear.heard.some((r) => r.at - r.ts < 1500))
    const started = said(running.stderr, /"msg":"scenario"/)
    await ear.publish('simulator/command', 'not json')
    await ear.publish('simulator/command', '{"scenario":"heat-outage"}')
    await started
    const label = JSON.parse(readFileSync(labels, 'utf8').trim()) as { scenario: string; start: string; end: string; affected: unknown[] }
    expect(label.scenario).toBe('heat-outage')
    expect(Date.parse(label.end)).toBeGreaterThan(Date.parse(label.start))
    expect(label.affected.length).toBeGreaterThan(3)
    const now = Date.now()
    expect(Math.max(...ear.heard.map((r) => r.ts))).toBeLessThanOrEqual(now)
    const exit = once(running, 'exit')
    running.send('stop')
    expect(await exit).toEqual([0, null])
    await ear.stop()
  })

  it.each(['disconnect', 'SIGTERM'] as const)('stops on %s', async (end) => {
    const running = fork(main, [], { execArgv: [], env: environment(), stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
    child = running
    await once(running, 'message')
    const exit = once(running, 'exit')
    if (end === 'disconnect') running.disconnect()
    else running.kill('SIGTERM')
    expect(await exit).toEqual([0, null])
  })

  it('writes the past to the standard output and nothing else there, with labels', async () => {
    const labels = join(folder, 'labels.jsonl')
    const { code, out } = await finish(['--history', '20m', '--scenario', 'burst@5m', '--labels', labels])
    expect(code).toBe(0)
    const lines = out.split('\n')
    expect(lines[0]).toBe('station,metric,observed_at_ms,value,quality')
    expect(lines.slice(1, -1).filter((l) => l.split(',').length !== 5)).toEqual([])
    expect(JSON.parse(readFileSync(labels, 'utf8'))).toMatchObject({ scenario: 'burst', domain: 'water' })
  })

  it('stops on "stop" while it is still building the city', async () => {
    const running = fork(main, [], { execArgv: [], env: environment(), stdio: ['ignore', 'ignore', 'ignore', 'ipc'] })
    child = running
    const exit = once(running, 'exit')
    running.send('stop')
    expect(await exit).toEqual([0, null])
  })

  it('ends with a fault, and does not hang, when a file does not fit its map', async () => {
    const file = join(folder, 'p1_pipe_flow_wrong.csv')
    writeFileSync(file, 'time_local,flow,mystery\n2016-10-07T11:08:32,1,2\n')
    expect(await finish(['--replay', file])).toMatchObject({ code: 1, err: expect.stringContaining('mystery') as string })
  })

  it('replays a file and says what came of it', async () => {
    const file = fileURLToPath(new URL('../replay/excerpts/p1_pipe_flow_excerpt.csv', import.meta.url))
    const { code, out } = await finish(['--replay', file, '--rebase'])
    expect(code).toBe(0)
    expect(out).toContain('rows read 1500, readings published 1500, cells empty 0, cells unreadable 0, rows without a time 0, duplicates in file 0')
  })

  it('names its faults in plain words', async () => {
    expect(await finish(['--scenario', 'quake'])).toMatchObject({ code: 2, err: expect.stringContaining('burst, gas-leak, storm, heat-outage') as string })
    const wrong = await finish([], { ...process.env, MQTT_URL: 'http://broker', LOG_LEVEL: 'loud' })
    expect(wrong.code).toBe(2)
    expect(wrong.err).toMatch(/LOG_LEVEL[\s\S]*MQTT_URL/)
    expect(wrong.err).not.toContain('    at ')
  })
})
