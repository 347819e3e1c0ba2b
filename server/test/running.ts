import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '@yiping/contract/testing'
import { pino } from 'pino'
import { type App, buildApp } from '../src/app.ts'
import type { ServerConfig } from '../src/config.ts'
import { testConfig } from './config.ts'
import { letTestsIn } from './signed-in.ts'

/** Where the built web client lies. */
export const webFolder = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'web', 'dist')

/** The server on a database of a test, listening and with the city read. */
export async function startServer(
  databaseUrl: string,
  { now = Date.now, version = 'test', ...config }: Partial<ServerConfig> & { now?: () => number; version?: string } = {},
): Promise<{ app: App; address: string }> {
  await letTestsIn(databaseUrl)
  const app = await buildApp(testConfig(databaseUrl, config), version, pino({ level: 'silent' }), now)
  app.live.start()
  app.hub.start()
  app.peers.start()
  app.replica?.start()
  const address = await app.fastify.listen({ host: '127.0.0.1', port: 0 })
  await until('loaded', () => app.live.loaded)
  return { app, address }
}
