import type { IPublishPacket, MqttClient, Packet } from 'mqtt'

/**
 * Takes the PUBACK out of MQTT.js's hands. The library handles packets strictly one after another and acknowledges as
 * soon as `handleMessage` calls back; holding that callback until the commit would leave one message in flight and
 * would hold back PINGRESP as well (mqttjs/MQTT.js#1935). So the callback is called at once, the PUBACK that the
 * library then wants to send is kept here by message id, and sent when the message has settled.
 *
 * MQTT allows acknowledgements in any order for QoS 1 at the broker's side as long as each message gets one; brokers
 * that insist on order (MQTT-4.6.0-2 asks the client to send them in order) are served too: acks leave in the order in
 * which the messages came.
 */
export interface DeferredAcks {
  /** Call inside `handleMessage` before its callback. Returns the function that lets the PUBACK go. */
  hold: (packet: IPublishPacket) => () => void
  /** A new connection: ids of the old one mean nothing any more. */
  reset: () => void
  readonly held: number
}

interface Held {
  settled: boolean
  /** The library has asked to send it. */
  send: (() => void) | null
}

type SendPacket = (packet: Packet, done?: (error?: Error) => void, ...rest: unknown[]) => unknown

export function deferAcks(client: MqttClient): DeferredAcks {
  // A private method of the library, pinned by version and by the test "acknowledges only after the commit".
  const inner: { _sendPacket: SendPacket } = client as unknown as { _sendPacket: SendPacket }
  const original = inner._sendPacket.bind(client)
  let queue = new Map<number, Held>()

  const drain = (): void => {
    for (const [id, entry] of queue) {
      if (!entry.settled || entry.send === null) return
      queue.delete(id)
      entry.send()
    }
  }
  inner._sendPacket = (packet, done, ...rest) => {
    if (packet.cmd !== 'puback' || packet.messageId === undefined) return original(packet, done, ...rest)
    const entry = queue.get(packet.messageId)
    if (entry === undefined) return original(packet, done, ...rest)
    entry.send = () => void original(packet, () => {}, ...rest)
    done?.()
    drain()
    return undefined
  }
  return {
    hold(packet) {
      if (packet.qos === 0 || packet.messageId === undefined) return () => {}
      const mine = queue
      const entry: Held = { settled: false, send: null }
      mine.set(packet.messageId, entry)
      return () => {
        entry.settled = true
        if (mine === queue) drain()
      }
    },
    reset() {
      queue = new Map()
    },
    get held() {
      return queue.size
    },
  }
}
