import { createPrivateKey, X509Certificate } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { EnvironmentError, readEnvironment, subscriptions, traceVariables } from '@yiping/contract'
import type { MqttSourceOptions } from './receive/mqtt-source.ts'

export interface IngestConfig {
  databaseUrl: string
  mqttUrl: string
  mqttProtocol: '3.1.1' | '5'
  mqttLogin: MqttSourceOptions['login']
  /** Name of this share of the topics, and its filters. */
  shard: string
  topics: readonly string[]
  dataDir: string
  spoolFsync: 'group' | 'always'
  spoolMaxBytes: number
  logLevel: string
  retentionMs: number
  metricsPort: number | null
  /** Somebody collects traces. */
  traces: boolean
  /** The city's, IANA: of seasons and hours of the week. */
  zone: string
}

const optional = [
  'MQTT_URL',
  'METRICS_PORT',
  'MQTT_USERNAME',
  'MQTT_PASSWORD',
  'MQTT_CA_FILE',
  'MQTT_CERT_FILE',
  'MQTT_KEY_FILE',
  'INGEST_TOPICS',
  ...traceVariables,
] as const

const required = [
  'DATABASE_URL',
  'MQTT_PORT',
  'MQTT_PROTOCOL',
  'DATA_DIR',
  'INGEST_SHARD',
  'SPOOL_FSYNC',
  'SPOOL_MAX_BYTES',
  'LOG_LEVEL',
  'RETENTION_DAYS',
  'CITY_TIMEZONE',
] as const

/** Throws one `EnvironmentError` that names every fault: those of single variables, and of variables that do not fit together. */
export function readConfig(source: Readonly<Record<string, string | undefined>>): IngestConfig {
  const faults: string[] = []
  const given = (name: (typeof optional)[number]): string | undefined => source[name] || undefined
  const pem = (name: 'MQTT_CA_FILE' | 'MQTT_CERT_FILE' | 'MQTT_KEY_FILE', check: (bytes: Buffer) => unknown): Buffer | undefined => {
    const path = given(name)
    if (path === undefined) return undefined
    try {
      const bytes = readFileSync(path)
      check(bytes)
      return bytes
    } catch (error) {
      faults.push(`${name}=${JSON.stringify(path)}: ${error instanceof Error ? error.message : String(error)}`)
      return undefined
    }
  }
  const ca = pem('MQTT_CA_FILE', (bytes) => new X509Certificate(bytes))
  const cert = pem('MQTT_CERT_FILE', (bytes) => new X509Certificate(bytes))
  const key = pem('MQTT_KEY_FILE', (bytes) => createPrivateKey(bytes))
  if ((given('MQTT_CERT_FILE') === undefined) !== (given('MQTT_KEY_FILE') === undefined)) faults.push('MQTT_CERT_FILE and MQTT_KEY_FILE belong together')
  if (cert && key && !new X509Certificate(cert).checkPrivateKey(createPrivateKey(key))) faults.push('MQTT_KEY_FILE is not the key of MQTT_CERT_FILE')
  const url = given('MQTT_URL')
  if (ca !== undefined || cert !== undefined || key !== undefined)
    if (!/^(mqtts|wss):/.test(url ?? '')) faults.push('MQTT_CA_FILE, MQTT_CERT_FILE and MQTT_KEY_FILE need an MQTT_URL with mqtts:// or wss://')
  if (given('MQTT_PASSWORD') !== undefined && given('MQTT_USERNAME') === undefined) faults.push('MQTT_PASSWORD without MQTT_USERNAME')
  const topics =
    given('INGEST_TOPICS')
      ?.split(',')
      .map((t) => t.trim()) ?? subscriptions
  for (const t of topics)
    if (!isFilter(t)) faults.push(`INGEST_TOPICS: ${JSON.stringify(t)} is not a topic filter (shared subscriptions are not used: docs/adr/0006)`)
  const env = readTogether(source, faults)
  return {
    databaseUrl: env.DATABASE_URL,
    mqttUrl: env.MQTT_URL ?? `mqtt://127.0.0.1:${env.MQTT_PORT}`,
    mqttProtocol: env.MQTT_PROTOCOL,
    mqttLogin: {
      ...(env.MQTT_USERNAME === undefined ? {} : { username: env.MQTT_USERNAME }),
      ...(env.MQTT_PASSWORD === undefined ? {} : { password: env.MQTT_PASSWORD }),
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
    },
    shard: env.INGEST_SHARD,
    topics,
    dataDir: env.DATA_DIR,
    spoolFsync: env.SPOOL_FSYNC,
    spoolMaxBytes: env.SPOOL_MAX_BYTES,
    logLevel: env.LOG_LEVEL,
    retentionMs: env.RETENTION_DAYS * 86_400_000,
    metricsPort: env.METRICS_PORT ?? null,
    traces: env.OTEL_EXPORTER_OTLP_ENDPOINT !== undefined,
    zone: env.CITY_TIMEZONE,
  }
}

/** The single variables, with the faults that were found before. */
function readTogether(source: Readonly<Record<string, string | undefined>>, faults: readonly string[]) {
  try {
    const env = readEnvironment(source, required, optional)
    if (faults.length === 0) return env
  } catch (error) {
    if (error instanceof EnvironmentError) throw new EnvironmentError([...error.faults, ...faults])
    throw error
  }
  throw new EnvironmentError(faults)
}

/** MQTT 4.7: `+` alone in its level, `#` alone in the last. */
function isFilter(text: string): boolean {
  const levels = text.split('/')
  return (
    text !== '' &&
    !text.startsWith('$share/') &&
    levels.every((level, i) => level === '+' || (level === '#' && i === levels.length - 1) || !/[+#\0]/.test(level))
  )
}
