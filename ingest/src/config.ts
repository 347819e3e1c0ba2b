import { readFileSync } from 'node:fs'
import { EnvironmentError, readEnvironment, subscriptions } from '@yiping/contract'
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
}

const optional = ['MQTT_URL', 'METRICS_PORT', 'MQTT_USERNAME', 'MQTT_PASSWORD', 'MQTT_CA_FILE', 'MQTT_CERT_FILE', 'MQTT_KEY_FILE', 'INGEST_TOPICS'] as const

export function readConfig(source: Readonly<Record<string, string | undefined>>): IngestConfig {
  const env = readEnvironment(
    source,
    ['DATABASE_URL', 'MQTT_PORT', 'MQTT_PROTOCOL', 'DATA_DIR', 'INGEST_SHARD', 'SPOOL_FSYNC', 'SPOOL_MAX_BYTES', 'LOG_LEVEL', 'RETENTION_DAYS'],
    optional,
  )
  const faults: string[] = []
  const pem = (name: 'MQTT_CA_FILE' | 'MQTT_CERT_FILE' | 'MQTT_KEY_FILE'): Buffer | undefined => {
    const path = env[name]
    if (path === undefined) return undefined
    try {
      return readFileSync(path)
    } catch (error) {
      faults.push(`${name}=${JSON.stringify(path)}: ${error instanceof Error ? error.message : String(error)}`)
      return undefined
    }
  }
  const [ca, cert, key] = [pem('MQTT_CA_FILE'), pem('MQTT_CERT_FILE'), pem('MQTT_KEY_FILE')]
  if ((env.MQTT_CERT_FILE === undefined) !== (env.MQTT_KEY_FILE === undefined)) faults.push('MQTT_CERT_FILE and MQTT_KEY_FILE belong together')
  const topics = env.INGEST_TOPICS?.split(',').map((t) => t.trim()) ?? subscriptions
  for (const t of topics)
    if (!isFilter(t)) faults.push(`INGEST_TOPICS: ${JSON.stringify(t)} is not a topic filter (shared subscriptions are not used: docs/adr/0006)`)
  if (faults.length > 0) throw new EnvironmentError(faults)
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
  }
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
