import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EnvironmentError, subscriptions } from '@yiping/contract'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readConfig } from '../src/config.ts'
import { makeAuthority, makeCertificate, type Pem } from './pem.ts'

describe('the configuration of ingest', () => {
  let folder: string
  let ca: Pem
  const path = (name: string): string => join(folder, name)
  const database = { DATABASE_URL: 'postgres://yiping:db-secret@127.0.0.1/yiping' }
  const faultsOf = (source: Record<string, string>): readonly string[] => {
    try {
      readConfig(source)
    } catch (error) {
      if (error instanceof EnvironmentError) return error.faults
      throw error
    }
    return []
  }

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'yiping-config-'))
    ca = await makeAuthority('authority')
    const [one, other] = await Promise.all([makeCertificate(ca, 'one'), makeCertificate(ca, 'other')])
    await Promise.all([
      writeFile(path('ca.crt'), ca.cert),
      writeFile(path('one.crt'), one.cert),
      writeFile(path('one.key'), one.key),
      writeFile(path('other.key'), other.key),
      writeFile(path('garbage'), 'no certificate'),
    ])
  })
  afterAll(() => rm(folder, { recursive: true, force: true }))

  it('needs a database and nothing else', () => {
    const config = readConfig(database)
    expect(config).toMatchObject({ mqttUrl: 'mqtt://127.0.0.1:1883', mqttProtocol: '3.1.1', mqttLogin: {}, shard: 'main', topics: subscriptions })
  })

  it('takes user, password and certificates, and the topics of a shard', () => {
    const config = readConfig({
      ...database,
      MQTT_URL: 'mqtts://broker:8883',
      MQTT_PROTOCOL: '5',
      MQTT_USERNAME: 'yiping-ingest',
      MQTT_PASSWORD: 'secret',
      MQTT_CA_FILE: path('ca.crt'),
      MQTT_CERT_FILE: path('one.crt'),
      MQTT_KEY_FILE: path('one.key'),
      INGEST_SHARD: 'water',
      INGEST_TOPICS: 'city/water/#, city/+/WS-1/telemetry,#',
    })
    expect(config.mqttLogin).toMatchObject({ username: 'yiping-ingest', password: 'secret', ca: Buffer.from(ca.cert) })
    expect(config.topics).toEqual(['city/water/#', 'city/+/WS-1/telemetry', '#'])
  })

  it('names every fault in one message, and no secret', () => {
    const source = {
      DATABASE_URL: 'mysql://yiping:db-secret@127.0.0.1/yiping',
      MQTT_URL: 'http://yiping:url-secret@broker',
      MQTT_PASSWORD: 'mqtt-secret',
      MQTT_PROTOCOL: '4',
      MQTT_CA_FILE: path('missing.crt'),
      MQTT_CERT_FILE: path('garbage'),
      INGEST_SHARD: 'water/1',
      INGEST_TOPICS: 'city/water/#,$share/all/city/#,city/#/x,city/wa+ter/#,',
      SPOOL_MAX_BYTES: '10',
    }
    let message = ''
    try {
      readConfig(source)
    } catch (error) {
      expect(error).toBeInstanceOf(EnvironmentError)
      message = String(error)
    }
    for (const part of [
      /DATABASE_URL=…/,
      /MQTT_URL=…/,
      /MQTT_PROTOCOL="4"/,
      /MQTT_CA_FILE=.*missing\.crt.*ENOENT/,
      /MQTT_CERT_FILE=.*garbage/,
      /MQTT_CERT_FILE and MQTT_KEY_FILE belong together/,
      /MQTT_PASSWORD without MQTT_USERNAME/,
      /INGEST_SHARD="water\/1"/,
      /INGEST_TOPICS: "\$share\/all\/city\/#".*0006/,
      /INGEST_TOPICS: "city\/#\/x"/,
      /INGEST_TOPICS: "city\/wa\+ter\/#"/,
      /INGEST_TOPICS: "" /,
      /SPOOL_MAX_BYTES="10"/,
    ])
      expect(message).toMatch(part)
    expect(message).not.toMatch(/secret/)
    expect(message).not.toMatch(/"city\/water\/#"/)
  })

  it('refuses a key of another certificate', () => {
    const faults = faultsOf({ ...database, MQTT_URL: 'mqtts://broker', MQTT_CERT_FILE: path('one.crt'), MQTT_KEY_FILE: path('other.key') })
    expect(faults).toEqual(['MQTT_KEY_FILE is not the key of MQTT_CERT_FILE'])
  })

  it.each(['', 'mqtt://broker:1883', 'ws://broker'])('refuses an authority for the connection in the clear of MQTT_URL=%s', (url) => {
    expect(faultsOf({ ...database, MQTT_URL: url, MQTT_CA_FILE: path('ca.crt') })).toEqual([expect.stringContaining('mqtts://')])
  })

  it('takes an empty password for none, and tells none', () => {
    expect(faultsOf({ ...database, MQTT_USERNAME: 'u', MQTT_PASSWORD: '' })).toEqual([])
    expect(faultsOf({ ...database, MQTT_PASSWORD: 'secret' }).join()).not.toMatch(/secret/)
  })
})
