import { readEnvironment } from '@yiping/contract'

export interface Config {
  mqttUrl: string
  zone: string
  logLevel: string
}

/** Reads the environment once; one error names every fault. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const e = readEnvironment(env, ['MQTT_PORT', 'CITY_TIMEZONE', 'LOG_LEVEL'], ['MQTT_URL'])
  return { mqttUrl: e.MQTT_URL ?? `mqtt://127.0.0.1:${e.MQTT_PORT}`, zone: e.CITY_TIMEZONE, logLevel: e.LOG_LEVEL }
}
