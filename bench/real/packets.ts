/** MQTT 3.1.1 in bytes: what a sender needs that must not be what is measured. */

function text(value: string): Buffer {
  const bytes = Buffer.from(value)
  const head = Buffer.alloc(2)
  head.writeUInt16BE(bytes.length)
  return Buffer.concat([head, bytes])
}

function packet(first: number, body: Buffer): Buffer {
  const length: number[] = []
  let left = body.length
  do {
    const seven = left % 128
    left = Math.floor(left / 128)
    length.push(left > 0 ? seven | 0x80 : seven)
  } while (left > 0)
  return Buffer.concat([Buffer.from([first, ...length]), body])
}

/** A clean session without keep-alive. */
export const connectPacket = (clientId: string): Buffer => packet(0x10, Buffer.concat([text('MQTT'), Buffer.from([4, 0x02, 0, 0]), text(clientId)]))

/** PUBLISH at QoS 1. */
export const publishPacket = (id: number, topic: string, payload: string): Buffer =>
  packet(0x32, Buffer.concat([text(topic), Buffer.from([id >> 8, id & 255]), Buffer.from(payload)]))

/** Ids run from 1 to 65,535 and begin again. */
export const idOf = (index: number): number => (index % 65_535) + 1

/** Counts the PUBACKs in what a broker says after its CONNACK; both are four bytes long. */
export function ackCounter(onAck: (acks: number) => void): (bytes: Buffer) => void {
  let bytesSeen = 0
  let told = 0
  return (bytes) => {
    if (bytesSeen === 0 && bytes[0] !== 0x20) throw new Error('the broker did not begin with CONNACK')
    if (bytesSeen < 4 && bytes.length > 3 - bytesSeen && bytes[3 - bytesSeen] !== 0) throw new Error('the broker refused the connection')
    bytesSeen += bytes.length
    const acks = Math.max(0, Math.floor(bytesSeen / 4) - 1)
    if (acks > told) onAck(acks - told)
    told = acks
  }
}
