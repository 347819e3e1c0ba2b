import { resolve } from 'node:path'
import { readEnvironment } from '@yiping/contract'
import { tierSettings, tierVariables } from '@yiping/db'

export interface StartConfig {
  /** Null: the embedded one is started. */
  databaseUrl: string | null
  mqttUrl: string | null
  mqttPort: number
  dataDir: string
  host: string
  port: number
  simulator: boolean
  /** Everything the parts read themselves. */
  environment: Readonly<Record<string, string | undefined>>
}

export function readConfig(source: Readonly<Record<string, string | undefined>>): StartConfig {
  const env = readEnvironment(
    source,
    ['MQTT_PORT', 'DATA_DIR', 'HOST', 'PORT', 'CITY_TIMEZONE', 'LOG_LEVEL', 'RETENTION_DAYS'],
    ['DATABASE_URL', 'READ_DATABASE_URL', 'MQTT_URL', 'SIMULATOR', 'CITY_MAP', 'METRICS_PORT'],
  )
  // What keeps too little for how late readings may come is said before anything is started.
  tierSettings(readEnvironment(source, tierVariables))
  return {
    databaseUrl: env.DATABASE_URL ?? null,
    mqttUrl: env.MQTT_URL ?? null,
    mqttPort: env.MQTT_PORT,
    dataDir: resolve(env.DATA_DIR),
    host: env.HOST,
    port: env.PORT,
    simulator: env.SIMULATOR === undefined ? env.DATABASE_URL === undefined && env.MQTT_URL === undefined : env.SIMULATOR === 'on',
    environment: source,
  }
}
