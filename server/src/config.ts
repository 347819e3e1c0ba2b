import { readEnvironment, type Tier, traceVariables } from '@yiping/contract'
import { tierSettings, tierVariables } from '@yiping/db'

export interface ServerConfig {
  databaseUrl: string
  readDatabaseUrl: string
  host: string
  port: number
  zone: string
  logLevel: string
  /** Where readings come from when not from the city's own devices; screens say it. */
  origin: string | null
  /** Mail server for notices, and their sender; null: none are mailed. */
  smtp: { url: string; from: string } | null
  /** Most readings that one request may have sorted for exact percentiles. */
  mostSorted: number
  /** How long each tier keeps what it holds, days; 0: for ever. */
  keepDays: Readonly<Record<Tier, number>>
  /** A session that asks for nothing for so long is over, and any session after so long, ms. */
  sessionIdleMs: number
  sessionMs: number
  /** Password of the first administrator; null: one is made up. */
  adminPassword: string | null
  /** Proxies whose word on where a request comes from is taken. */
  trustProxy: string
  /** Somebody collects traces. */
  traces: boolean
  /** Folder of the built web client. */
  webFolder: string | null
}

export function readConfig(source: Readonly<Record<string, string | undefined>>, webFolder: string | null): ServerConfig {
  const env = readEnvironment(
    source,
    ['DATABASE_URL', 'HOST', 'PORT', 'LOG_LEVEL', 'SMTP_FROM', 'SESSION_IDLE_MINUTES', 'SESSION_HOURS', 'TRUST_PROXY', ...tierVariables],
    ['READ_DATABASE_URL', 'SIMULATOR', 'SMTP_URL', 'ADMIN_PASSWORD', ...traceVariables],
  )
  return {
    databaseUrl: env.DATABASE_URL,
    readDatabaseUrl: env.READ_DATABASE_URL ?? env.DATABASE_URL,
    host: env.HOST,
    port: env.PORT,
    zone: env.CITY_TIMEZONE,
    logLevel: env.LOG_LEVEL,
    origin: env.SIMULATOR === 'on' ? 'simulator' : null,
    smtp: env.SMTP_URL === undefined ? null : { url: env.SMTP_URL, from: env.SMTP_FROM },
    mostSorted: 500_000,
    sessionIdleMs: env.SESSION_IDLE_MINUTES * 60_000,
    sessionMs: env.SESSION_HOURS * 3_600_000,
    adminPassword: env.ADMIN_PASSWORD ?? null,
    trustProxy: env.TRUST_PROXY,
    keepDays: tierSettings(env).keepDays,
    traces: env.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined,
    webFolder,
  }
}
