import mqttPacket from 'mqtt-packet'
import { describe, expect, it } from 'vitest'
import { ackCounter, connectPacket, idOf, publishPacket } from './packets.ts'

function parsed(bytes: Buffer): mqttPacket.Packet[] {
  const packets: mqttPacket.Packet[] = []
  const parser = mqttPacket.parser({ protocolVersion: 4 })
  parser.on('packet', (p: mqttPacket.Packet) => packets.push(p))
  parser.parse(bytes)
  return packets
}

describe('the packets of the sender', () => {
  it('are what the library reads', () => {
    const [connect] = parsed(connectPacket('sender'))
    expect(connect).toMatchObject({ cmd: 'connect', clientId: 'sender', clean: true, protocolVersion: 4 })
    const payload = 'x'.repeat(20_000)
    const [publish] = parsed(publishPacket(idOf(65_534), 'city/water/a/telemetry', payload))
    expect(publish).toMatchObject({ cmd: 'publish', qos: 1, dup: false, retain: false, messageId: 65_535, topic: 'city/water/a/telemetry' })
    expect(publish?.cmd === 'publish' && publish.payload.toString()).toBe(payload)
    expect(idOf(65_535)).toBe(1)
  })

  it('are counted by their acknowledgements, however the bytes arrive', () => {
    let acks = 0
    const count = ackCounter((n) => {
      acks += n
    })
    count(Buffer.from([0x20, 2, 0]))
    count(Buffer.from([0, 0x40, 2, 0, 1, 0x40, 2]))
    expect(acks).toBe(1)
    count(Buffer.from([0, 2]))
    expect(acks).toBe(2)
  })

  it('are not sent to a broker that refuses', () => {
    expect(() => ackCounter(() => {})(Buffer.from([0x20, 2, 0, 5]))).toThrow('refused')
  })
})
