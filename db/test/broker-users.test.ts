import { describe, expect, it } from 'vitest'
import { brokerUsers, emqxAcl, emqxUsers, mosquittoAcl, parsePasswords, passwordEntry, passwordFile, planPasswords, type Sender } from '../src/broker-users.ts'
import { brokerUserArguments } from '../src/run-broker-users.ts'

const senders: Sender[] = [
  { code: 'WS-1', domain: 'water', gateway: null },
  { code: 'HT-1', domain: 'heating', gateway: 'GW-1' },
  { code: 'HT-2', domain: 'heating', gateway: 'GW-1' },
]

describe('the users of the broker', () => {
  it('are ingest, stations that connect by themselves, and gateways in the name of theirs', () => {
    expect(brokerUsers(senders, { gatewayTopic: true }).slice(1)).toEqual([
      { name: 'GW-1', publishes: ['v1/gateway/telemetry', 'city/heating/HT-1/telemetry', 'city/heating/HT-2/telemetry'], subscribes: [] },
      { name: 'WS-1', publishes: ['city/water/WS-1/telemetry'], subscribes: [] },
    ])
    const strict = brokerUsers(senders, { gatewayTopic: false })
    expect(strict.filter((u) => u.publishes.includes('v1/gateway/telemetry'))).toEqual([])
    expect(mosquittoAcl(strict)).not.toMatch(/^pattern/m)
    expect(mosquittoAcl(strict)).toContain('user WS-1\ntopic write city/water/WS-1/telemetry\n')
    expect(emqxAcl(strict)).toMatch(/\{allow, \{username, "WS-1"\}, publish, \["city\/water\/WS-1\/telemetry"\]\}\.\n\{deny, all\}\.\n$/)
  })

  it('are refused where a name would be another one’s, or break the file', () => {
    const named = (gateway: string) => () => brokerUsers([{ code: 'WS-1', domain: 'water', gateway }], { gatewayTopic: true })
    expect(named('yiping-ingest')).toThrow(/is the name of ingest/)
    expect(named('a:b\nuser x')).toThrow(/cannot be the name of a user/)
    expect(named('+')).toThrow(/cannot be the name of a user/)
  })
})

describe('their passwords', () => {
  const users = brokerUsers(senders, { gatewayTopic: true })
  it('stay, are made for who is new or asked for, and go with who is gone', () => {
    const first = planPasswords(users, new Map(), new Set())
    expect(first.made.map((m) => m.name)).toEqual(['yiping-ingest', 'GW-1', 'WS-1'])
    const kept = parsePasswords(passwordFile(first.entries))
    expect(kept).toEqual(first.entries)
    const again = planPasswords(users.slice(0, 2), kept, new Set(['GW-1']))
    expect([again.made.map((m) => m.name), again.gone]).toEqual([['GW-1'], ['WS-1']])
    expect(again.entries.get('yiping-ingest')).toBe(first.entries.get('yiping-ingest'))
    expect(again.entries.get('GW-1')).not.toBe(first.entries.get('GW-1'))
    expect(() => planPasswords(users, kept, new Set(['WS-9']))).toThrow('nobody of that name connects: WS-9')
  })

  it('are kept as hashes, for EMQX too', () => {
    const entry = passwordEntry('secret', 'saltsaltsalt')
    expect(entry).toMatch(/^\$7\$101\$c2FsdHNhbHRzYWx0\$[\w+/]{86}==$/)
    const [, line] = emqxUsers(new Map([['WS-1', entry]])).split('\n')
    expect(line).toMatch(/^WS-1,[0-9a-f]{128},saltsaltsalt,false$/)
  })
})

it('its command line is read whole or refused', () => {
  expect(brokerUserArguments(['dir', '--rotate', 'A', '--no-gateway-topic', '--rotate', 'B'])).toEqual({
    ...{ folder: 'dir', rotate: new Set(['A', 'B']), gatewayTopic: false, emqx: false },
  })
  for (const args of [[], ['a', 'b'], ['a', '--rotate'], ['a', '--what']])
    expect(() => brokerUserArguments(args)).toThrow(/broker-users DIR|not known|followed/)
})
