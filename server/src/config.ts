import { readEnvironment, type Tier } from '@yiping/contract'
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
  /** Folder of the built web client. */
  webFolder: string | null
}

export function readConfig(source: Readonly<Record<string, string | undefined>>, webFolder: string | null): ServerConfig {
  const env = readEnvironment(
    source,
    ['DATABASE_URL', 'HOST', 'PORT', 'LOG_LEVEL', 'SMTP_FROM', ...tierVariables],
    ['READ_DATABASE_URL', 'SIMULATOR', 'SMTP_URL'],
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
    keepDays: tierSettings(env).keepDays,
    webFolder,
  }
}
