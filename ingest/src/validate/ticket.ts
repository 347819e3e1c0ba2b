import { type RejectionReason, telemetryLimits } from '@yiping/contract'
import type { RejectionRow } from '@yiping/db'
import { decodeMessage } from '../decode/decode-message.ts'
import type { IncomingMessage } from '../receive/message.ts'
import type { Registry } from './registry.ts'
import { type ValidReading, validateValue } from './validate-value.ts'

/** A message with its verdicts: what the batch stage carries to the database and acknowledges afterwards. */
export interface Ticket {
  source: string
  receivedAt: number
  /** As the decoder counted; must equal readings + refused readings. */
  received: number
  readings: ValidReading[]
  rejections: RejectionRow[]
  /** Newest observation in it, epoch ms: live goes before back-fill. */
  newestAt: number
  acknowledge: () => void
}

const clean = (text: string): string => text.replaceAll('\0', '\uFFFD')

export function toTicket(message: IncomingMessage, registry: Registry, retentionMs: number): Ticket {
  const decoded = decodeMessage(message.topic, message.payload)
  const context = { registry, domain: decoded.domain, receivedAt: message.receivedAt, retentionMs }
  const readings: ValidReading[] = []
  const refused = new Map<RejectionReason, { readings: number; detail: string }>()
  const refuse = (reason: RejectionReason, detail: string, count: number): void => {
    const entry = refused.get(reason)
    if (entry) entry.readings += count
    else refused.set(reason, { readings: count, detail })
  }
  for (const r of decoded.refusals) refuse(r.reason, r.detail, r.readings)
  let newestAt = 0
  for (const raw of decoded.values) {
    const verdict = validateValue(raw, context)
    if (!verdict.ok) refuse(verdict.reason, verdict.detail, 1)
    else {
      readings.push(verdict.reading)
      if (verdict.reading.observedAt > newestAt) newestAt = verdict.reading.observedAt
    }
  }
  return {
    source: decoded.source,
    receivedAt: message.receivedAt,
    received: decoded.received,
    readings,
    rejections: [...refused].map(([reason, r]) => ({
      at: message.receivedAt,
      source: decoded.source,
      topic: clean(message.topic),
      reason,
      detail: clean(r.detail),
      readings: r.readings,
      payload: message.payload.subarray(0, telemetryLimits.rejectionPayloadBytes),
    })),
    newestAt: newestAt || message.receivedAt,
    acknowledge: message.acknowledge,
  }
}
