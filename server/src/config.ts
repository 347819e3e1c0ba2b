import { readEnvironment, type Tier, traceVariables } from '@yiping/contract'
import type { RateSettings } from './access/rates.ts'
import { type SsoSettings, ssoSettings } from './access/sso-settings.ts'
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
  rates: RateSettings
  /** Null: there is no single sign-on. */
  sso: SsoSettings | null
  /** Somebody collects traces. */
  traces: boolean
  /** Folder of the built web client. */
  webFolder: string | null
}

export function readConfig(source: Readonly<Record<string, string | undefined>>, webFolder: string | null): ServerConfig {
  const env = readEnvironment(
    source,
    [
      ...(['DATABASE_URL', 'HOST', 'PORT', 'LOG_LEVEL', 'SMTP_FROM', 'SESSION_IDLE_MINUTES', 'SESSION_HOURS', 'TRUST_PROXY'] as const),
      ...(['RATE_LIMIT_PER_MINUTE', 'RATE_LIMIT_ADDRESS_PER_MINUTE'] as const),
      ...(['OIDC_SCOPES', 'OIDC_ROLE_CLAIM', 'OIDC_NAME'] as const),
      ...tierVariables,
    ],
    [
      ...(['READ_DATABASE_URL', 'SIMULATOR', 'SMTP_URL', 'ADMIN_PASSWORD'] as const),
      ...(['PUBLIC_URL', 'OIDC_ISSUER', 'OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET', 'OIDC_ROLES'] as const),
      ...traceVariables,
    ],
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
    rates: { perMinute: env.RATE_LIMIT_PER_MINUTE, addressPerMinute: env.RATE_LIMIT_ADDRESS_PER_MINUTE },
    sso: ssoSettings(env),
    keepDays: tierSettings(env).keepDays,
    traces: env.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined,
    webFolder,
  }
}
