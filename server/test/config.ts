import { defaultTiers } from '@yiping/db'
import { asProcess } from '@yiping/db/testing'
import type { ServerConfig } from '../src/config.ts'

/** The server on a database of a test: loopback, any free port, says nothing, without web client and mail. */
export const testConfig = (databaseUrl: string, more: Partial<ServerConfig> = {}): ServerConfig => ({
  databaseUrl: asProcess(databaseUrl, 'yiping_server'),
  readDatabaseUrl: asProcess(databaseUrl, 'yiping_server'),
  host: '127.0.0.1',
  port: 0,
  zone: 'Asia/Shanghai',
  logLevel: 'silent',
  origin: null,
  smtp: null,
  mostSorted: 500_000,
  keepDays: defaultTiers.keepDays,
  sessionIdleMs: 12 * 3_600_000,
  sessionMs: 7 * 24 * 3_600_000,
  adminPassword: null,
  trustProxy: 'loopback',
  rates: { perMinute: 1200, addressPerMinute: 12_000 },
  sso: null,
  traces: false,
  webFolder: null,
  ...more,
})
