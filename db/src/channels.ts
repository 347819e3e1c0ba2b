import type { Quality } from '@yiping/contract'
import { qualityFromCode } from '@yiping/contract'

/**
 * NOTIFY channels: what ingest says to the server through the database. A notification leaves only with its commit,
 * so what the server shows as stored is stored.
 */
export const committedChannel = 'reading_committed'
export const statusChannel = 'ingest_status'
export const registryChannel = 'registry_changed'
/** Rows came in past ingest (import, seeding): what was loaded from the table is to be loaded again. */
export const historyChannel = 'history_changed'
/** Payload on it when roll-ups were worked out again after late readings. */
export const repairedPayload = 'repaired'
/** A station's own protocol says that it has come or gone. */
export const linkChannel = 'station_link'

/** Alarms that were opened or changed: their ids by comma, or `*` when they are too many to name. */
export const alarmChannel = 'alarm_changed'
/** Another version of a rule is active. */
export const alarmRuleChannel = 'alarm_rule_changed'

/** What server processes say to each other; its messages are theirs. */
export const serverChannel = 'server_said'

/** A reading that became its point's latest. */
export interface CommittedReading {
  pointId: number
  observedAt: number
  receivedAt: number
  value: number
  quality: Quality
}

/** Payload written by `store-batch.sql`: `point,observed ms,received ms,value,quality` joined by `;`. */
export function parseCommitted(payload: string): CommittedReading[] {
  return payload.split(';').map((row) => {
    const [pointId, observedAt, receivedAt, value, quality] = row.split(',').map(Number)
    if (
      pointId === undefined ||
      observedAt === undefined ||
      receivedAt === undefined ||
      value === undefined ||
      quality === undefined ||
      !Number.isInteger(pointId) ||
      !Number.isFinite(observedAt) ||
      !Number.isFinite(receivedAt)
    )
      throw new Error(`malformed notification on ${committedChannel}: ${JSON.stringify(row)}`)
    return { pointId, observedAt, receivedAt, value, quality: qualityFromCode(quality) }
  })
}

/** What an ingest process says of itself once a second. */
export interface IngestStatus {
  at: number
  shard: string
  role: 'active' | 'standby'
  /** Readings received and not yet committed. */
  inFlight: number
  spoolBytes: number
  /** The spool takes nothing: messages stay at the broker. */
  spoolFull: boolean
  broker: 'up' | 'down'
  lastCommitAt: number | null
  version: string
}

export const formatStatus = (s: IngestStatus): string => JSON.stringify(s)
export function parseStatus(payload: string): IngestStatus | null {
  let raw: unknown
  try {
    raw = JSON.parse(payload)
  } catch {
    return null
  }
  if (typeof raw !== 'object' || raw === null) return null
  const r: Partial<Record<keyof IngestStatus, unknown>> = raw
  if (typeof r.at !== 'number' || typeof r.inFlight !== 'number' || (r.broker !== 'up' && r.broker !== 'down')) return null
  return {
    at: r.at,
    shard: typeof r.shard === 'string' ? r.shard : 'main',
    role: r.role === 'standby' ? 'standby' : 'active',
    inFlight: r.inFlight,
    spoolBytes: typeof r.spoolBytes === 'number' ? r.spoolBytes : 0,
    spoolFull: r.spoolFull === true,
    broker: r.broker,
    lastCommitAt: typeof r.lastCommitAt === 'number' ? r.lastCommitAt : null,
    version: typeof r.version === 'string' ? r.version : '',
  }
}
