/** `npm run pictures`: the pictures of README and docs, from the running system with its simulated city. */
import { spawn } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import mqtt from 'mqtt'
import { launchChromium } from '../server/test/chromium.ts'
import { readRunFile } from '../server/start/run-file.ts'

const out = join('docs', 'pictures')
interface Picture {
  name: string
  path: string
  width: number
  height: number
  /** A reading that a device publishes before the picture. */
  publish?: { topic: string; payload: string }
}
const pictures: Picture[] = [
  { name: 'wall-zh-1920', path: '/', width: 1920, height: 1080 },
  { name: 'wall-zh-3840', path: '/', width: 3840, height: 2160 },
  { name: 'wall-zh-5120', path: '/', width: 5120, height: 1440 },
  { name: 'wall-en-1920', path: '/?lang=en', width: 1920, height: 1080 },
  { name: 'wall-showroom-1920', path: '/?theme=showroom', width: 1920, height: 1080 },
  ...['water', 'gas', 'heating', 'drainage'].flatMap((d) =>
    ['zh', 'en'].flatMap((lang) =>
      ['calm', 'showroom'].map((theme) => ({
        name: `wall-${d}-${theme}-${lang}-1920`,
        path: `/wall/${d}?lang=${lang}&theme=${theme}`,
        width: 1920,
        height: 1080,
      })),
    ),
  ),
  { name: 'wall-water-zh-3840', path: '/wall/water', width: 3840, height: 2160 },
  { name: 'wall-gas-zh-5120', path: '/wall/gas', width: 5120, height: 1440 },
  { name: 'wall-far-zh-1920', path: '/wall/overview?distance=5&height=118', width: 1920, height: 1080 },
  { name: 'screens-zh-1440', path: '/screens', width: 1440, height: 900 },
  ...['water', 'gas', 'heating', 'drainage'].map((d) => ({ name: `${d}-zh-1440`, path: `/${d}`, width: 1440, height: 900 })),
  { name: 'water-network-zh-1440', path: '/water?map=ws.leak_rate&pipes=pressure', width: 1440, height: 900 },
  { name: 'water-district-en-1440', path: '/water?pipes=pressure&district=410105&lang=en', width: 1440, height: 900 },
  { name: 'alarms-zh-1920', path: '/alarms', width: 1920, height: 1080 },
  { name: 'alarms-zh-3840', path: '/alarms', width: 3840, height: 2160 },
  { name: 'alarm-notices-zh-1440', path: '/alarms?tab=notices', width: 1440, height: 900 },
  { name: 'alarm-trial-zh-1440', path: '/alarms?tab=trial&rule=ws.pressure.low&days=1', width: 1440, height: 900 },
  { name: 'alarm-health-en-1440', path: '/alarms?tab=health&lang=en', width: 1440, height: 900 },
  {
    name: 'wall-alarm-zh-1920',
    path: '/',
    width: 1920,
    height: 1080,
    publish: { topic: 'city/gas/GS-V-0007/telemetry', payload: '{"gs.ch4_lel": 61.5}' },
  },
  { name: 'water-night-zh-1920', path: '/water?panel=night&station=WS-D-0001&tab=messages', width: 1920, height: 1080 },
  { name: 'gas-void-en-1920', path: '/gas?lang=en&panel=voids&station=GS-V-0007&tab=alarms', width: 1920, height: 1080 },
  { name: 'heating-curve-zh-1920', path: '/heating?panel=curve', width: 1920, height: 1080 },
  { name: 'drainage-passage-en-1440', path: '/drainage?lang=en&panel=passage&station=DR-U-0001&tab=ledger', width: 1440, height: 900 },
  { name: 'water-station-en-1440', path: '/water?lang=en&station=WS-P-0001', width: 1440, height: 900 },
]

const folder = await mkdtemp(join(tmpdir(), 'yiping-pictures-'))
const city = spawn(process.execPath, ['server/dist/start.js'], {
  env: { ...process.env, DATABASE_URL: '', MQTT_URL: '', DATA_DIR: folder, PORT: '0', MQTT_PORT: '0' },
  stdio: ['ignore', 'pipe', 'inherit'],
})
let said = ''
city.stdout.on('data', (d: Buffer) => {
  said += d.toString()
  process.stdout.write(d)
})
try {
  await mkdir(out, { recursive: true })
  const filled = async (): Promise<string> => {
    for (;;) {
      if (city.exitCode !== null) throw new Error('the city ended')
      const run = await readRunFile(folder)
      if (run?.address && /history +\d+ rows = /.test(said)) return run.address
      await new Promise((resolve) => setTimeout(resolve, 500))
    }
  }
  const address = await filled()
  const browser = await launchChromium()
  for (const p of pictures) {
    const page = await browser.newPage({ viewport: { width: p.width, height: p.height }, locale: p.path.includes('lang=en') ? 'en' : 'zh-CN' })
    if (p.publish) {
      const run = await readRunFile(folder)
      const device = await mqtt.connectAsync(run?.mqttUrl ?? '', { protocolVersion: 4 })
      await device.publishAsync(p.publish.topic, p.publish.payload, { qos: 1 })
      await device.endAsync()
    }
    await page.goto(address + p.path)
    // A minute lets the truth bar have its own figures.
    await page.waitForTimeout(p === pictures[0] ? 70_000 : 6000)
    await page.screenshot({ path: join(out, `${p.name}.png`) })
    console.log(`${out}/${p.name}.png`)
    await page.close()
  }
  await browser.close()
} finally {
  if (city.exitCode === null) {
    city.kill('SIGTERM')
    await new Promise((resolve) => city.once('exit', resolve))
  }
  await rm(folder, { recursive: true, force: true })
}
