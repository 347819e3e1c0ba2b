import type { RejectionReason, Severity } from '@yiping/contract'
import type { RegisteredStation, StoreOutcome } from '@yiping/db'

/** What goes between ingest and the thread that stores; answers come in the order of the turns. Plain data, since it is cloned. */
export interface StoreTurn {
  /** Its place in the spool. */
  stream: string
  seq: number
  /** Tickets as `pack` made them. The sender has given them away. */
  bytes: Uint8Array<ArrayBuffer>
}

/** What became of a turn, as far as it is counted. */
export interface Stored {
  outcome: StoreOutcome
  /** Readings of the statement. */
  rows: number
  /** Second values for an identity of the same turn. */
  duplicate: number
  conflict: number
  /** Readings that wait for registration. */
  held: number
  rejected: { reason: RejectionReason; readings: number; held: number }[]
  /** Arrival of its oldest reading, epoch ms; null without one. */
  oldestAt: number | null
  /** Time of the statement that was taken. */
  ms: number
  /** Of that, what the evaluation of alarms took; null when they rested. */
  alarmMs: number | null
}

export interface StoreThreadData {
  databaseUrl: string
  queryTimeoutMs: number
  /** The city's, IANA. */
  zone: string
  /** Delays between tries of a turn that the database did not take, ms; the last repeats for ever. */
  retryMs: readonly number[]
  /** Version to be told with traces; null: none are made. */
  traced: string | null
}

export type ToStoreThread =
  | { type: 'turn'; turn: StoreTurn }
  /** The registry, now and whenever it changes: whose readings alarms are evaluated of. */
  | { type: 'stations'; stations: readonly RegisteredStation[] }
  /** The database knows better than the alarm engine from now on. */
  | { type: 'reload_alarms' }
  /** Whether this process keeps house for all of them. */
  | { type: 'lead'; leads: boolean }
  /** Nothing is tried again from here on. */
  | { type: 'stop' }
  /** Nothing comes any more: it ends after the statement that runs. */
  | { type: 'end' }

export type FromStoreThread =
  /** Its modules are loaded. */
  | { type: 'ready' }
  /** Null: stopped before the database took it. */
  | { type: 'stored'; stored: Stored | null }
  | { type: 'failed'; why: string; attempt: number }
  | { type: 'refused'; why: string }
  | { type: 'disconnected'; why: string }
  /** Severities of alarms that were opened. */
  | { type: 'alarms'; opened: readonly Severity[] }
  | { type: 'alarms_failed'; why: string; what: string }
