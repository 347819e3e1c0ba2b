import { readEnvironment } from '@yiping/contract'

export interface IngestConfig {
  databaseUrl: string
  mqttUrl: string
  logLevel: string
  retentionMs: number
  metricsPort: number | null
  /** Stable, so that the broker keeps our session over restarts. */
  clientId: string
}

export function readConfig(source: Readonly<Record<string, string | undefined>>): IngestConfig {
  const env = readEnvironment(source, ['DATABASE_URL', 'MQTT_PORT', 'LOG_LEVEL', 'RETENTION_DAYS'], ['MQTT_URL', 'METRICS_PORT'])
  return {
    databaseUrl: env.DATABASE_URL,
    mqttUrl: env.MQTT_URL ?? `mqtt://127.0.0.1:${env.MQTT_PORT}`,
    logLevel: env.LOG_LEVEL,
    retentionMs: env.RETENTION_DAYS * 86_400_000,
    metricsPort: env.METRICS_PORT ?? null,
    clientId: 'yiping-ingest',
  }
}
