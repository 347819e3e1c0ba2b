import type { RejectionReason } from '@yiping/contract'

/** One value as a device sent it; nothing about it is checked yet. */
export interface RawValue {
  station: string
  metric: string
  /** As sent; `undefined` means the time of arrival. */
  ts: unknown
  value: unknown
  /** The device says that it kept this one while its link was down: stored, but no news. */
  historical?: true
}

/** A part of a message that cannot even be taken apart; it counts as that many readings. */
export interface Refusal {
  reason: RejectionReason
  detail: string
  readings: number
}

export interface Decoded {
  source: 'telemetry' | 'gateway' | 'sparkplug' | 'unknown'
  /** How many readings the message brought, counted here and nowhere else: the balance is checked against it. */
  received: number
  values: RawValue[]
  refusals: Refusal[]
}
