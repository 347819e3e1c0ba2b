/** What the parent tells the child, and back. The configuration comes in one environment variable. */
import type { ConnectionLimits } from './connection.ts'
import type { ChoreTimes, MaintenanceCounters } from './maintenance.ts'

/** Holds the child's configuration as JSON; not the argument list, which other users can read. */
export const CONFIG_VARIABLE = 'EMBEDDED_DB'

/** The engine broke; a new process will do. */
export const EXIT_DIED = 70
/** Another process has the data directory; a new process will be refused too. */
export const EXIT_IN_USE = 71
/** Wrong configuration or directory, missing package, port taken: not cured by another try. */
export const EXIT_REFUSED = 78

export interface Tuning extends ConnectionLimits, ChoreTimes {
  maxClients: number
  idleInTransactionMs: number
  /** How often it is looked whether a job or a chore is due. */
  maintenanceTickMs: number
  /** So long after its start the database is left to its clients: what was due over night can wait until they stand. */
  maintenanceRestMs: number
}

export const DEFAULT_TUNING: Readonly<Tuning> = {
  maxMessageBytes: 256 << 20,
  maxPendingBytes: 512 << 20,
  loginMs: 10_000,
  maxClients: 256,
  idleInTransactionMs: 15_000,
  maintenanceTickMs: 5_000,
  maintenanceRestMs: 0,
  checkpointMs: 30_000,
  analyzeMs: 3_600_000,
  vacuumMs: 86_400_000,
}

export interface ChildConfig extends Tuning {
  dataDir: string
  /** 0 takes a free one. */
  port: number
  password: string
}

export interface EmbeddedStats extends MaintenanceCounters {
  /** Calls that have reached the disk since the process began. */
  fsyncs: number
  fdatasyncs: number
  clients: number
  /** Resident set size, bytes. */
  rss: number
}

export type FromChild = { type: 'ready'; port: number } | { type: 'refused'; message: string } | { type: 'stats'; stats: EmbeddedStats } | { type: 'pong' }

export type FromParent = 'stop' | 'stats' | 'ping'

export class ConfigError extends Error {
  override name = 'ConfigError'
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new ConfigError(`${CONFIG_VARIABLE} is not JSON`, { cause })
  }
}

function isNaturalNumber(value: unknown): value is number {
  return typeof value === 'number' && Number.isSafeInteger(value) && value > 0
}

export function parseConfig(text: string | undefined): ChildConfig {
  if (text === undefined) throw new ConfigError(`${CONFIG_VARIABLE} is not set`)
  const value = parseJson(text)
  if (typeof value !== 'object' || value === null) throw new ConfigError(`${CONFIG_VARIABLE} is not an object`)
  const { dataDir, port, password, ...rest } = value as Record<string, unknown>
  if (typeof dataDir !== 'string' || dataDir === '') throw new ConfigError('dataDir is missing')
  if (typeof password !== 'string' || password === '') throw new ConfigError('password is missing')
  if (typeof port !== 'number' || !Number.isInteger(port) || port < 0 || port > 65_535) throw new ConfigError('port is not a port number')
  const tuning = { ...DEFAULT_TUNING }
  for (const [name, setting] of Object.entries(rest)) {
    if (!Object.hasOwn(DEFAULT_TUNING, name)) throw new ConfigError(`unknown setting ${name}`)
    if (!isNaturalNumber(setting)) throw new ConfigError(`${name} is not a whole number above 0`)
    tuning[name as keyof Tuning] = setting
  }
  return { dataDir, port, password, ...tuning }
}
