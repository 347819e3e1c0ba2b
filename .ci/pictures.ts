/**
 * `npm run pictures [WORD…]`: the pictures of README and docs, from running systems that it starts itself; with words
 * only those whose names contain one. One city with a day of past shows every scene and what happens in it; a second
 * one, which begins without a station and never hears of gas, shows emptiness and silence while the first one fills.
 */
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt from 'mqtt'
import type { Browser, Page } from 'playwright-core'
import { startEmbedded } from '../db/embedded/index.ts'
import { launchChromium } from '../server/test/chromium.ts'
import { ended, startCity, until, type City } from './pictures/city.ts'
import { fetch, signIn } from '../server/test/signed-in.ts'
import { deskIn, desks, doors, languages, stateOf, walls, type Picture } from './pictures/scenes.ts'

const out = join('docs', 'pictures')
const words = process.argv.slice(2)
const wanted = (p: { name: string }): boolean => words.length === 0 || words.some((w) => p.name.includes(w))
const startedAt = Date.now()

// ---- photographs ---------------------------------------------------------------------------------------------------

/** Time for the last answers and for charts and map to be drawn; nothing moves after it. */
const settleMs = 1600

async function open(browser: Browser, city: City, p: Picture): Promise<Page> {
  const page = await browser.newPage({ viewport: { width: p.width, height: p.height }, locale: p.path.includes('lang=en') ? 'en' : 'zh-CN' })
  if (p.outside !== true) await signIn(page.context(), city.address)
  await page.goto(city.address + p.path)
  await page.evaluate(() => document.fonts.ready)
  // A past moment is read first; the wall says so meanwhile.
  if (p.path.includes('at='))
    await page
      .getByText(/正在读取那一刻|Reading that moment/)
      .first()
      .waitFor({ state: 'detached', timeout: 30_000 })
  // What a desk has asked for; an empty or silent city answers too.
  await page.waitForFunction(() => document.querySelector('[aria-busy="true"]') === null, undefined, { timeout: 30_000 })
  await page.waitForTimeout(settleMs + (p.width > 2000 ? 1500 : 0))
  return page
}
/** WebP: a fifth of what the same picture takes as PNG, and there are many. */
async function save(page: Page, name: string): Promise<void> {
  const path = join(out, `${name}.webp`)
  const session = await page.context().newCDPSession(page)
  const { data } = await session.send('Page.captureScreenshot', { format: 'webp', quality: 82 })
  await session.detach()
  await writeFile(path, Buffer.from(data, 'base64'))
  const { size } = await stat(path)
  console.log(`${((Date.now() - startedAt) / 1000).toFixed(0).padStart(4)} s  ${path}  ${Math.round(size / 1024)} KB`)
}
async function take(browser: Browser, city: City, pictures: readonly Picture[], before: (page: Page) => Promise<unknown> = async () => {}): Promise<void> {
  const left = pictures.filter(wanted)
  const one = async (): Promise<void> => {
    for (let p = left.shift(); p !== undefined; p = left.shift()) {
      const page = await open(browser, city, p)
      await before(page)
      await save(page, p.name)
      await page.close()
    }
  }
  await Promise.all([one(), one()])
}

// ---- what happens in a city ----------------------------------------------------------------------------------------

async function publish(city: City, readings: Record<string, Record<string, number>>): Promise<void> {
  const device = await mqtt.connectAsync(city.mqttUrl, { protocolVersion: 4 })
  await Promise.all(Object.entries(readings).map(([topic, values]) => device.publishAsync(topic, JSON.stringify(values), { qos: 1 })))
  await device.endAsync()
}
async function ask(city: City, path: string, body?: unknown, method = 'POST'): Promise<ReturnType<typeof JSON.parse>> {
  const init = body === undefined ? {} : { method, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) }
  const response = await fetch(`${city.address}/api/v1/${path}`, init)
  if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
  return response.json()
}
const voidTopic = (n: number): string => `city/gas/GS-V-${String(n).padStart(4, '0')}/telemetry`
const openAlarms = async (city: City): Promise<{ id: string; station: string | null; state: string; severity: number }[]> =>
  (await ask(city, 'alarms?state=open&limit=200')).items

async function alarms(browser: Browser, city: City): Promise<void> {
  const red = async () => (await openAlarms(city)).find((a) => a.station === 'GS-V-0007')
  await publish(city, { [voidTopic(7)]: { 'gs.ch4_lel': 61.5 } })
  await until('a red alarm', red)
  await take(browser, city, [...stateOf('alarm'), ...stateOf('alarm', '/wall/gas').map((p) => ({ ...p, name: p.name.replace('wall-', 'wall-gas-') }))])
  await publish(city, { [voidTopic(7)]: { 'gs.ch4_lel': 1.2 } })
  await until('its return', async () => (await red())?.state === 'returned_unacked')
  await take(browser, city, stateOf('returned'))
  await ask(city, 'alarms/ack', { ids: [(await red())?.id], by: '值班长' })
  // A limit that has to be passed twice in a row is.
  for (const more of [0, 1, 2]) {
    await publish(city, Object.fromEntries(Array.from({ length: 24 }, (_, i) => [voidTopic(60 + i * 7), { 'gs.ch4_lel': 22 + i / 2 + more / 10 }])))
    await new Promise((resolve) => setTimeout(resolve, 1500))
  }
  await until('a flood', async () => (await openAlarms(city)).filter((a) => a.severity === 2).length > 20, 30_000)
  await take(browser, city, [...stateOf('flood'), deskIn('flood', '/alarms'), deskIn('flood', '/gas')])
}

async function screens(browser: Browser, city: City): Promise<void> {
  const pictures = languages.map((l): Picture => ({ name: `screens-${l}-1440`, path: `/screens?lang=${l}`, width: 1440, height: 900 }))
  const sheet: Picture = { name: 'wall-pairing-zh-1920', path: '/', width: 1920, height: 1080 }
  if (![...pictures, sheet].some(wanted)) return
  const wall = await open(browser, city, sheet)
  await wall.keyboard.press('p')
  const code = await until('a code on the screen', async () => {
    const digits = ((await wall.locator('.pairing .code').textContent()) ?? '').replace(/\D/g, '')
    return digits.length === 6 && digits
  })
  await save(wall, sheet.name)
  const { id } = await ask(city, 'screens', { code, name: '一号大厅' })
  await until(
    'the screen at work',
    async () => (await ask(city, 'screens')).items.some((s: { id: number; online: boolean }) => s.id === id && s.online),
    20_000,
  ).catch(() => {})
  await wall.keyboard.press('Escape')
  await take(browser, city, pictures, async (page) => {
    await page.getByText('一号大厅').first().click()
    await page.waitForTimeout(600)
  })
  await wall.close()
}

async function people(browser: Browser, city: City): Promise<void> {
  if (!doors.some(wanted)) return
  const add = (username: string, name: string, roles: string[], districts: string[] | null, domains: string[] | null) =>
    ask(city, 'accounts', { username, name, roles, districts, domains })
  await add('wanglei', '王磊', ['operator'], ['410105', '410102'], ['water'])
  await add('chenjing', '陈静', ['operator'], null, ['gas', 'heating'])
  await add('lina', '李娜', ['analyst'], null, null)
  const { id } = await add('zhaoming', '赵明', ['operator', 'analyst'], ['410103'], null)
  await ask(city, `accounts/${id}`, { disabled: true }, 'PATCH')
  const [alarm] = await openAlarms(city)
  if (alarm) await ask(city, `alarms/${alarm.id}/ack`, { by: '王磊', note: '已派人到现场' })
  await take(browser, city, doors)
}

async function past(browser: Browser, city: City): Promise<void> {
  const at = new Date(Date.now() - 5 * 3_600_000).toISOString().slice(0, 16)
  await take(
    browser,
    city,
    [...stateOf('replay', `/?at=${encodeURIComponent(`${at}:00Z`)}&speed=60`), deskIn('replay', '/water')].map((p) =>
      p.path.includes('at=') ? p : { ...p, path: `${p.path}?at=${encodeURIComponent(`${at}:00Z`)}` },
    ),
  )
  await take(browser, city, stateOf('time'), async (page) => {
    await page.keyboard.press('t')
    await page.waitForTimeout(1500)
  })
}

/** Stops a part of the city for as long as the pages stand open. */
async function frozen(browser: Browser, city: City, part: string, pictures: Picture[], said: (page: Page) => Promise<unknown>): Promise<void> {
  const left = pictures.filter(wanted)
  const pages = await Promise.all(left.map((p) => open(browser, city, p)))
  const pid = await city.pidOf(part)
  process.kill(pid, 'SIGSTOP')
  try {
    for (const [i, page] of pages.entries()) {
      await said(page)
      await save(page, left[i]?.name ?? '')
      await page.close()
    }
  } finally {
    process.kill(pid, 'SIGCONT')
  }
}

/** Every headline figure of the three has a value, but for the day's amounts, which want a reading of midnight. */
const reports = async (city: City): Promise<boolean> => {
  const { domains } = await ask(city, 'overview')
  const kpis: { code: string; headline: boolean; coverage: { fresh: number; expected: number } }[] = domains.flatMap((d: { code: string; kpis: [] }) =>
    d.code === 'gas' ? [] : d.kpis,
  )
  return kpis.length > 0 && kpis.every((k) => !k.headline || k.code.endsWith('_today') || k.coverage.fresh > k.coverage.expected * 0.9)
}

async function emptyAndSilent(browser: Browser): Promise<void> {
  const [empty, silent] = [
    [...stateOf('empty'), deskIn('empty', '/water'), deskIn('empty', '/alarms')],
    [...stateOf('silent'), deskIn('silent', '/gas')],
  ]
  if (![...empty, ...silent].some(wanted)) return
  // A database of one's own begins with the schema and nothing in it.
  const folder = await mkdtemp(join(tmpdir(), 'yiping-empty-'))
  const database = await startEmbedded({ dataDir: folder, entry: 'db/dist/embedded.js', log: () => {} })
  const city = await startCity({
    DATABASE_URL: database.url,
    SIMULATOR: 'off',
    INGEST_TOPICS: [...['water', 'heating', 'drainage'].map((d) => `city/${d}/+/telemetry`), 'v1/gateway/telemetry', 'spBv1.0/#'].join(','),
  })
  const run = (script: string, ...args: string[]) =>
    spawn(process.execPath, ['--import', 'tsx', script, ...args], {
      env: { ...process.env, DATABASE_URL: city.databaseUrl, MQTT_URL: city.mqttUrl },
      stdio: 'ignore',
    })
  try {
    // The server hears of ingest by its heart-beat.
    await city.pidOf('ingest')
    await new Promise((resolve) => setTimeout(resolve, 10_000))
    await take(browser, city, empty)
    if (!silent.some(wanted)) return
    const registry = (await readFile(join('db', 'seeds', 'demo-stations.csv'), 'utf8')).split('\n')
    const heard = join(folder, 'stations.csv')
    // Gateways carry stations of every utility on one topic: those of gas stay unknown here.
    await writeFile(heard, registry.filter((line) => !/,gas,.*,GW-/.test(line)).join('\n'))
    await ended(run('db/src/main.ts', 'seed', heard))
    // Forty minutes of the city in half a one: by then every point but the slowest has reported.
    const simulator = run('simulator/src/main.ts', '--from', '-40m', '--speed', '80')
    try {
      await until('a city that reports', () => reports(city), 90_000).catch(() => {})
      await take(browser, city, silent)
    } finally {
      simulator.kill('SIGTERM')
      await ended(simulator)
    }
  } finally {
    await city.stop()
    await database.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** The past is stored; until every utility's line and panels have been worked out from it, pages say that they wait. */
async function known(browser: Browser, city: City): Promise<void> {
  const page = await browser.newPage({ viewport: { width: 1440, height: 900 }, locale: 'zh-CN' })
  await signIn(page.context(), city.address)
  for (const utility of ['water', 'gas', 'heating', 'drainage']) {
    await page.goto(`${city.address}/${utility}`)
    await page.waitForFunction(
      () => {
        interface Drawn {
          chart?: { getOption(): { series: { id: string; data: unknown[] }[] } }
        }
        const series = document.querySelector<Element & Drawn>('.day .box')?.chart?.getOption().series ?? []
        const buckets = series.filter((s) => s.id === 'today' || s.id === 'yesterday').reduce((n, s) => n + s.data.length, 0)
        return buckets > 250 && !document.body.innerText.includes('历史载入中')
      },
      undefined,
      { timeout: 180_000 },
    )
  }
  await page.close()
}

await mkdir(out, { recursive: true })
const browser = await launchChromium()
const city = await startCity()
try {
  await emptyAndSilent(browser)
  await city.filled
  await known(browser, city)
  await take(browser, city, desks)
  await screens(browser, city)
  // By now the truth bar has a minute of its own.
  await take(browser, city, walls)
  await past(browser, city)
  await people(browser, city)
  if ([...stateOf('alarm'), ...stateOf('returned'), ...stateOf('flood'), deskIn('flood', '/gas'), deskIn('flood', '/alarms')].some(wanted))
    await alarms(browser, city)
  const cut = (page: Page) =>
    page
      .locator('.cut[role=alert]')
      .first()
      .waitFor({ timeout: 20_000 })
      .then(() => page.waitForTimeout(3000))
  await frozen(browser, city, 'server', [...stateOf('cut'), deskIn('cut', '/water')], cut)
  await frozen(browser, city, 'database', stateOf('database'), (page) =>
    page
      .getByText(/数据库不可达|Database out of reach/)
      .first()
      .waitFor({ timeout: 60_000 }),
  )
} finally {
  await browser.close()
  await city.stop()
}
