import { existsSync } from 'node:fs'
import { type Browser, chromium } from 'playwright-core'

const installed = [
  '/usr/bin/chromium',
  '/usr/bin/chromium-browser',
  '/usr/bin/google-chrome',
  '/snap/bin/chromium',
  '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
]

/**
 * What the npm package asks for to fit into a cloud function and what makes another browser of it than people have: one
 * process shares the storage of all profiles, and pages may ask of any host.
 */
const unlike = ['--single-process', '--disable-web-security', '--allow-running-insecure-content', '--disable-site-isolation-trials']

/** A real Chromium: the system's, or the one that an npm package carries. It is let out to nowhere by itself. */
export async function launchChromium(): Promise<Browser> {
  const quiet = [
    '--no-sandbox',
    '--disable-gpu',
    '--disable-quic',
    '--no-first-run',
    '--disable-background-networking',
    '--disable-component-update',
    '--disable-sync',
  ]
  const system = installed.find((path) => existsSync(path))
  if (system !== undefined) return chromium.launch({ executablePath: system, args: quiet })
  const packaged = (await import('@sparticuz/chromium')).default
  return chromium.launch({ executablePath: await packaged.executablePath(), args: [...packaged.args.filter((a) => !unlike.includes(a)), ...quiet] })
}
