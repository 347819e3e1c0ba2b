import { setTimeout as delay } from 'node:timers/promises'
import { EnvironmentError } from '@yiping/contract'
import closeWithGrace from 'close-with-grace'
import { pino } from 'pino'
import manifest from '../package.json' with { type: 'json' }
import { readConfig } from './config.ts'
import { startIngest } from './ingest.ts'

async function main(): Promise<void> {
  const config = readConfig(process.env)
  // At once: what is still to be written when the process ends would keep it for ever where nobody reads any more.
  const log = pino({ level: config.logLevel, name: 'ingest' }, pino.destination({ sync: true }))
  const ingest = await startIngest(config, log, manifest.version)
  const grace = closeWithGrace({ delay: 8000 }, async ({ err }) => {
    if (err) log.fatal(err, 'ingest stops on a fault')
    const left = await ingest.stop()
    log.info({ left }, left === 0 ? 'ingest stopped, everything committed' : 'ingest stopped; the spool keeps the rest for the next start')
  })
  // A broker that is away is waited for, but not for ever: ingest works as soon as it comes.
  await Promise.race([ingest.subscribed, delay(10_000, undefined, { ref: false })])
  log.info({ broker: new URL(config.mqttUrl).host }, 'ingest runs')
  process.send?.({ type: 'ready' })
  process.on('message', (m) => m === 'stop' && grace.close())
  process.on('disconnect', () => grace.close())
  // The parent may have died while this process came up.
  if (process.send && !process.connected) grace.close()
}

main().catch((error: unknown) => {
  process.stderr.write(`${error instanceof EnvironmentError ? error.message : error instanceof Error ? error.stack : String(error)}\n`)
  process.exitCode = error instanceof EnvironmentError ? 78 : 1
})
