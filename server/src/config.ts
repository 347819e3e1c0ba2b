import { readEnvironment } from '@yiping/contract'

export interface ServerConfig {
  databaseUrl: string
  readDatabaseUrl: string
  host: string
  port: number
  zone: string
  logLevel: string
  /** Where readings come from when not from the city's own devices; screens say it. */
  origin: string | null
  /** Folder of the built web client. */
  webFolder: string | null
}

export function readConfig(source: Readonly<Record<string, string | undefined>>, webFolder: string | null): ServerConfig {
  const env = readEnvironment(source, ['DATABASE_URL', 'HOST', 'PORT', 'CITY_TIMEZONE', 'LOG_LEVEL'], ['READ_DATABASE_URL', 'SIMULATOR'])
  return {
    databaseUrl: env.DATABASE_URL,
    readDatabaseUrl: env.READ_DATABASE_URL ?? env.DATABASE_URL,
    host: env.HOST,
    port: env.PORT,
    zone: env.CITY_TIMEZONE,
    logLevel: env.LOG_LEVEL,
    origin: env.SIMULATOR === 'on' ? 'simulator' : null,
    webFolder,
  }
}
