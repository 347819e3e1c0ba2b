import { type ChildProcess, spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until as wait } from '@yiping/contract/testing'
import mqtt, { type MqttClient } from 'mqtt'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readRunFile, type RunFile } from '../start/run-file.ts'
import { launchChromium } from './chromium.ts'
import { fetch, letTestsIn, signIn } from './signed-in.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
let folder: string
let city: ChildProcess
let output = ''
let run: RunFile
let browser: Browser
let page: Page
let device: MqttClient
const requests: string[] = []

/** Tells what the city said, when it is waited for in vain. */
const until = <T>(what: string, look: () => T | Promise<T>): Promise<Exclude<NonNullable<T>, false>> =>
  wait(what, look, 60_000).catch((error: unknown) => {
    throw new Error(output.slice(-3000), { cause: error })
  })
const services = (r: RunFile): string => r.services.map((s) => `${s.name} ${s.state}`).join(', ')

async function startCity(): Promise<void> {
  city = spawn(process.execPath, [join(root, 'server/dist/start.js')], {
    env: { ...process.env, DATABASE_URL: '', MQTT_URL: '', DATA_DIR: folder, PORT: '0', MQTT_PORT: '0', SIMULATOR: 'off', TZ: 'UTC' },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  for (const stream of [city.stdout, city.stderr])
    stream?.on('data', (d: Buffer) => {
      output += d.toString()
    })
  run = await until('everything runs', async () => {
    const r = await readRunFile(folder)
    return r?.address && r.services.length === 4 && r.services.every((s) => s.state === 'running') ? r : null
  })
  await until('the server has read the database', async () => (await fetch(`${run.address}/readyz`).catch(() => null))?.ok)
}

/** The whole city as `npm start` brings it up, without the simulator: what is on the wall was published here. */
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'yiping-wall-'))
  await startCity()
  await letTestsIn(run.databaseUrl)
  device = await mqtt.connectAsync(run.mqttUrl, { protocolVersion: 4 })
  browser = await launchChromium()
  page = await browser.newPage({ viewport: { width: 1920, height: 1080 }, locale: 'zh-CN' })
  await signIn(page.context(), run.address ?? '')
  page.on('request', (r) => requests.push(r.url()))
})
afterAll(async () => {
  await browser?.close()
  await device?.endAsync(true)
  if (city.exitCode === null && city.signalCode === null) {
    city.kill('SIGTERM')
    await new Promise((resolve) => city.once('exit', resolve))
  }
  await rm(folder, { recursive: true, force: true })
})

const publish = (station: string, values: Record<string, number>): Promise<unknown> =>
  device.publishAsync(`city/water/${station}/telemetry`, JSON.stringify({ ts: Date.now(), values }), { qos: 1 })

describe('the wall in a real browser', () => {
  it('shows a value that a sensor published, and its next one', async () => {
    const faults: string[] = []
    page.on('pageerror', (e) => faults.push(e.message))
    page.on('console', (m) => m.type() === 'error' && faults.push(m.text()))
    await page.goto(`${run.address}/`)
    await publish('WS-Q-0001', { 'ws.cl_end': 0.23 })
    await page.getByText('0.23', { exact: true }).first().waitFor({ timeout: 20_000 })
    await publish('WS-Q-0001', { 'ws.cl_end': 0.19 })
    await page.getByText('0.19', { exact: true }).first().waitFor({ timeout: 20_000 })
    expect(faults).toEqual([])
  })

  it('asks nobody but its own server', () => {
    const own = new URL(run.address ?? '').host
    expect(requests.length).toBeGreaterThan(3)
    expect(requests.filter((r) => !r.startsWith('data:') && !r.startsWith('blob:') && new URL(r).host !== own)).toEqual([])
  })

  it('comes back by itself when a part is killed, and shows the next value', async () => {
    for (const name of ['ingest', 'database', 'server']) {
      const pid = run.services.find((s) => s.name === name)?.pid
      if (!pid) throw new Error(`${name} has no process: ${services(run)}`)
      process.kill(pid, 'SIGKILL')
      run = await until(`${name} runs again`, async () => {
        const r = await readRunFile(folder)
        const s = r?.services.find((x) => x.name === name)
        return r && s?.state === 'running' && s.pid !== pid && s.restarts > 0 ? r : null
      })
    }
    await publish('WS-Q-0001', { 'ws.cl_end': 0.27 })
    await page.getByText('0.27', { exact: true }).first().waitFor({ timeout: 30_000 })
  })

  it('stops cleanly on SIGTERM, and a second start on the same data is refused while the first runs', async () => {
    const second = spawn(process.execPath, [join(root, 'server/dist/start.js')], {
      env: { ...process.env, DATABASE_URL: '', MQTT_URL: '', DATA_DIR: folder, PORT: '0', MQTT_PORT: '0' },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let said = ''
    second.stderr.on('data', (d: Buffer) => {
      said += d.toString()
    })
    expect(await new Promise((resolve) => second.once('exit', resolve))).toBe(1)
    expect(said).toContain('already runs')
    const ended = new Promise((resolve) => city.once('exit', resolve))
    city.kill('SIGTERM')
    expect(await ended).toBe(0)
    expect(await readRunFile(folder)).toBeNull()
  })

  it('goes on with its data after the next start', async () => {
    await startCity()
    await signIn(page.context(), run.address ?? '')
    await page.goto(`${run.address}/`)
    await page.getByText('0.27', { exact: true }).first().waitFor({ timeout: 30_000 })
  })

  it('leaves no process behind when its supervisor is killed', async () => {
    const pids = run.services.flatMap((s) => (s.pid === null ? [] : [s.pid]))
    expect(pids).toHaveLength(4)
    city.kill('SIGKILL')
    await until('all parts to end', () => pids.every((pid) => !isAlive(pid)))
  })
})

function isAlive(pid: number): boolean {
  try {
    process.kill(pid, 0)
    return true
  } catch {
    return false
  }
}
