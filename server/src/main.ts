import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { EnvironmentError } from '@yiping/contract'
import { traceOfLog, Tracing } from '@yiping/db'
import closeWithGrace from 'close-with-grace'
import { pino } from 'pino'
import manifest from '../package.json' with { type: 'json' }
import { type FirstAccount, firstAccountText, makeFirstAccount } from './access/first-account.ts'
import { buildApp } from './app.ts'
import { readConfig } from './config.ts'

/** `web/dist`, seen from the sources and from the bundle in `server/dist` alike. */
const builtWeb = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'web', 'dist')

async function main(): Promise<void> {
  const config = readConfig(process.env, existsSync(join(builtWeb, 'index.html')) ? builtWeb : null)
  const onUntraced = (why: string): void => log.warn({ err: why }, 'traces do not reach their collector')
  const tracing = config.traces ? await Tracing.start('yiping-server', manifest.version, onUntraced) : null
  // At once: what is still to be written when the process ends would keep it for ever where nobody reads any more.
  const log = pino({ level: config.logLevel, name: 'server', mixin: traceOfLog(tracing) }, pino.destination({ sync: true }))
  if (config.webFolder === null) log.warn('the web client is not built (npm run build): only the API is served')
  const app = await buildApp(config, manifest.version, log, Date.now, tracing)
  app.live.start()
  app.hub.start()
  app.peers.start()
  app.replica?.start()
  app.notifier.start()
  const address = await app.fastify.listen({ host: config.host, port: config.port })
  log.info({ address }, 'server runs')
  // What is made up is told on the way of those who started it, and never to the log.
  const tell = (first: FirstAccount): void => {
    if (process.send) process.send({ type: 'first-account', ...first })
    else process.stdout.write(`${firstAccountText(first, address).join('\n')}\n`)
  }
  const first = makeFirstAccount(app.accounts, config.adminPassword, tell, log)
  process.send?.({ type: 'ready', address })
  const grace = closeWithGrace({ delay: 8000 }, async ({ err }) => {
    if (err) log.fatal(err, 'server stops on a fault')
    await first.stop()
    await app.stop()
    await tracing?.stop()
  })
  process.on('message', (m) => m === 'stop' && grace.close())
  process.on('disconnect', () => grace.close())
  // The parent may have died while this process came up.
  if (process.send && !process.connected) grace.close()
}

main().catch((error: unknown) => {
  const inUse = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
  process.stderr.write(
    `${inUse ? `${error.message}: set PORT to another one` : error instanceof EnvironmentError ? error.message : error instanceof Error ? error.stack : String(error)}\n`,
  )
  // EX_CONFIG: a supervisor need not try again.
  process.exit(inUse || error instanceof EnvironmentError ? 78 : 1)
})
