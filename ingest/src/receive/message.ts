/** One MQTT message on its way in. `acknowledge` sends the PUBACK: only once everything in it has settled. */
export interface IncomingMessage {
  topic: string
  payload: Buffer
  /** Our clock at arrival, epoch ms. */
  receivedAt: number
  acknowledge: () => void
}
