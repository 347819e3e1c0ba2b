/** One MQTT message on its way in. */
export interface IncomingMessage {
  readonly topic: string
  /** Where its payload stands, and what is around it there. */
  readonly bytes: Buffer
  readonly from: number
  readonly to: number
  /** The payload alone. */
  readonly payload: Buffer
  /** Our clock at arrival, epoch ms. */
  readonly receivedAt: number
  /** Sends the PUBACK: only once everything in it has settled. */
  acknowledge: () => void
}
