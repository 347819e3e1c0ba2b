import { describe, expect, it } from 'vitest'
import { EnvironmentError, readEnvironment } from '../src/index.ts'

describe('the environment', () => {
  it('gives defaults, and types its values', () => {
    expect(readEnvironment({ PORT: '9000' }, ['PORT', 'HOST', 'MQTT_PORT', 'CITY_TIMEZONE', 'LOG_LEVEL', 'DATA_DIR'])).toEqual({
      PORT: 9000,
      HOST: '127.0.0.1',
      MQTT_PORT: 1883,
      CITY_TIMEZONE: 'Asia/Shanghai',
      LOG_LEVEL: 'info',
      DATA_DIR: './data',
    })
  })

  it('leaves an optional variable out when it is unset or empty', () => {
    expect(readEnvironment({ MQTT_URL: '' }, [], ['MQTT_URL', 'DATABASE_URL', 'SIMULATOR', 'METRICS_PORT'])).toEqual({})
  })

  it('names every fault in one message', () => {
    const source = { PORT: '99999', MQTT_PORT: 'many', CITY_TIMEZONE: 'Mars/Olympus', LOG_LEVEL: 'loud', MQTT_URL: 'http://broker' }
    const read = () => readEnvironment(source, ['DATABASE_URL', 'PORT', 'MQTT_PORT', 'CITY_TIMEZONE', 'LOG_LEVEL'], ['MQTT_URL', 'SIMULATOR'])
    expect(read).toThrow(EnvironmentError)
    try {
      read()
    } catch (error) {
      const { faults, message } = error as EnvironmentError
      expect(faults).toHaveLength(6)
      for (const name of ['DATABASE_URL', 'PORT', 'MQTT_PORT', 'CITY_TIMEZONE', 'LOG_LEVEL', 'MQTT_URL']) expect(message).toContain(name)
    }
  })

  it('never prints an address, which may hold a password', () => {
    expect(() => readEnvironment({ DATABASE_URL: 'mysql://u:secret@db' }, ['DATABASE_URL'])).toThrow(/^(?!.*secret)/s)
  })
})
