import { EnvironmentError, readEnvironment } from '@yiping/contract'
import closeWithGrace from 'close-with-grace'
import { pino } from 'pino'
import { startBroker } from './broker.ts'

async function main(): Promise<void> {
  const env = readEnvironment(process.env, ['MQTT_PORT', 'LOG_LEVEL'])
  // At once: what is still to be written when the process ends would keep it for ever where nobody reads any more.
  const log = pino({ level: env.LOG_LEVEL, name: 'broker' }, pino.destination({ sync: true }))
  const broker = await startBroker(env.MQTT_PORT)
  log.info({ port: broker.port }, 'embedded broker runs')
  process.send?.({ type: 'ready', port: broker.port })
  const grace = closeWithGrace({ delay: 5000 }, async ({ err }) => {
    if (err) log.fatal(err, 'broker stops on a fault')
    await broker.stop()
  })
  process.on('message', (m) => m === 'stop' && grace.close())
  process.on('disconnect', () => grace.close())
  // The parent may have died while this process came up.
  if (process.send && !process.connected) grace.close()
}

main().catch((error: unknown) => {
  const inUse = error instanceof Error && 'code' in error && error.code === 'EADDRINUSE'
  process.stderr.write(
    `${inUse ? `${error.message}: is another broker running? Set MQTT_PORT, or MQTT_URL to use it.` : error instanceof EnvironmentError ? error.message : String(error)}\n`,
  )
  // EX_CONFIG: a supervisor need not try again.
  process.exitCode = inUse || error instanceof EnvironmentError ? 78 : 1
})
