import type { AlarmKind } from './alarm/rule.ts'
import type { AlarmStateName } from './alarm/state.ts'
import type { Bilingual, DomainCode } from './domain.ts'
import type { Evidence, Severity } from './catalogue/metric.ts'
import type { StationState } from './freshness.ts'
import type { Quality, QualityMark } from './reading.ts'
import type { ScreenCommand, ScreenReport } from './screen-device.ts'
import type { ScreenSettings } from './screen-settings.ts'

/**
 * Socket.IO, default path, namespace `/`. A room is a flat set of named cells: a snapshot carries all of them, a
 * delta those that changed and those that went. A cell is replaced whole, so newest-value-only needs no merging.
 */
export const protocolVersion = 1

/**
 * `kpi:{code}` is one KPI by itself. In a room with the whole city something changes all the time, so that a figure waits
 * for the room's next second; alone it is quiet and leaves at once when it moves. `choropleth:{code}` is the same KPI by
 * district, `network:{domain}` what readings say of each pipe of the utility's network: both only for who draws them.
 */
export type Room =
  | 'overview'
  | 'alarms'
  | 'alarm-summary'
  | `domain:${DomainCode}`
  | `station:${string}`
  | `kpi:${string}`
  | `choropleth:${string}`
  | `network:${DomainCode}`
export const roomPattern =
  /^(overview|alarms|alarm-summary|(domain|network):(water|gas|heating|drainage)|station:[A-Za-z0-9_.-]{1,64}|(kpi|choropleth):[a-z0-9_.]{1,64})$/

/** Times are epoch milliseconds of the server's clock. */
export interface Snapshot {
  v: number
  room: Room
  seq: number
  at: number
  data: { cells: Record<string, unknown> }
}
export interface Delta {
  v: number
  room: Room
  seq: number
  at: number
  data: { set: Record<string, unknown>; del: string[] }
}
export interface Heartbeat {
  v: number
  at: number
  /** Version of the product that the server runs: a screen with another one reloads. */
  version: string
}
export interface SubscribeRequest {
  rooms: string[]
  /** Sequence that the client holds per room: an equal one needs no snapshot. */
  since?: Record<string, number>
}
/** Answer to `subscribe`: rooms joined, and those refused with a stable reason. */
export interface SubscribeAnswer {
  joined: Room[]
  refused: { room: string; code: 'room_unknown' | 'station_unknown' | 'kpi_unknown' | 'request_malformed' | 'too_many_rooms' | 'forbidden' }[]
}
/**
 * Asks for the rooms as they were: from `at` on (epoch ms; left out: from where it stands), `speed` seconds a second; 0
 * stands still. `live` goes back to now.
 */
export type TravelRequest = { live: true } | { live?: false; at?: number; speed: number }
export interface TravelAnswer {
  /** Why not: no moment or a speed outside 0 to `maxSpeed`, a moment to come, nothing read yet, too many travel already. */
  refused: 'request_malformed' | 'moment_to_come' | 'not_ready' | 'too_many_travellers' | null
}
/** Where a client that travels stands, before the frames of that moment; at most once a second. */
export interface Moment {
  v: number
  at: number
  speed: number
  /** It has come up with now: what follows is live. */
  ended: boolean
}
export const maxSpeed = 300
export interface ServerEvents {
  moment: (moment: Moment) => void
  /** The client calls `done` when the frame is taken in: one frame per room in flight, the rest is conflated. */
  snapshot: (frame: Snapshot, done: () => void) => void
  delta: (frame: Delta, done: () => void) => void
  heartbeat: (beat: Heartbeat) => void
  /** To a socket that came with a screen's credential: at the start, and when something of it changes. */
  screen: (self: ScreenSelf) => void
  /** To a paired screen; it answers when it has done it. */
  command: (command: ScreenCommand, done: (answer: { done: boolean }) => void) => void
}
/** What the server knows of the screen whose credential was shown; `paired: false`: it knows none with it (any more). */
export type ScreenSelf = { paired: true; id: number; name: string; settings: ScreenSettings } | { paired: false }
export interface ClientEvents {
  subscribe: (request: SubscribeRequest, answer: (reply: SubscribeAnswer) => void) => void
  unsubscribe: (request: { rooms: string[] }) => void
  travel: (request: TravelRequest, answer: (reply: TravelAnswer) => void) => void
  /** Of a paired screen: how it fares. */
  report: (report: ScreenReport) => void
  /** Of a paired screen: its own settings, set at the screen itself. */
  settings: (settings: ScreenSettings, answer: (reply: { stored: boolean }) => void) => void
}
export const heartbeatMs = 1000
export const deltaMs = 1000

// ---- cells -------------------------------------------------------------------------------------------------------

export interface Coverage {
  fresh: number
  expected: number
}
/** `kpi:{code}` */
export interface KpiCell {
  value: number | null
  /** Newest `observedAt` among the readings that count; null without any. */
  asOf: number | null
  coverage: Coverage
  numerator: number | null
  denominator: number | null
}
/** `domain:{code}` */
export interface DomainCell {
  stations: Record<StationState, number>
  points: Coverage
  /** Points whose fresh value is beyond an absolute limit of the catalogue, by severity. Not yet alarms: no delay, no acknowledgement. */
  exceeding: Record<Severity, number>
  /** When the newest of its readings was observed, while none of its points is fresh; null otherwise, and when it never had one. Epoch ms. */
  silentSince: number | null
}
/** `district:{adcode}` */
export interface DistrictCell {
  stations: Record<StationState, number>
  points: Coverage
  exceeding: Record<Severity, number>
}
/** `station:{code}` on the overview: what the map needs. `severity` is the worst limit exceeded now. */
export interface StationCell {
  state: StationState
  severity: Severity | null
}
/** `trend:{domain}`: one mean per 5 minutes over the points named in `trends`, with the 10–90 % spread of the points. */
export interface TrendCell {
  metric: string
  bucketMs: number
  /** Local midnight that starts today. */
  dayStart: number
  today: TrendLine
  yesterday: TrendLine
  /** What this weekday is usually like; absent where no past one is known. */
  weekday?: WeekdayBand
}
/**
 * Per hour of the day: median and 10–90 % over the means of the last same weekdays. Columns of equal length; `t` is the
 * hour's start on today's clock.
 */
export interface WeekdayBand {
  bucketMs: number
  /** How many past weekdays are known, at most 8. */
  weeks: number
  t: number[]
  median: number[]
  low: number[]
  high: number[]
}
/** Columns of equal length; `t` is the bucket's start, gaps are missing buckets. */
export interface TrendLine {
  t: number[]
  mean: number[]
  low: number[]
  high: number[]
  /** How many points reported in the bucket. */
  count: number[]
}
/** `truth` */
export interface TruthCell {
  points: Coverage
  /**
   * 95th percentile of (moment a live value left the server − its observedAt), last minute; null without live values.
   * What was observed before the whole way stood, from the broker to here, waited for its start and is not counted.
   */
  delayP95Ms: number | null
  /** Readings received and not yet committed, of all ingest processes as they last said; null when ingest is silent. */
  spoolDepth: number | null
  /** What their spools take on disk; null when ingest is silent. */
  spoolBytes: number | null
  /** A spool takes nothing: messages stay at the broker. */
  spoolFull: boolean
  lastCommitAt: number | null
  /** All settled minutes of the last 24 hours close; null when there is none. */
  balanceCloses: boolean | null
  /** Minutes of the last 24 hours that do not close, and by how many readings: received − the sum of the outcomes. */
  balanceOpen: { minutes: number; difference: number }
  /** Today's settled account. */
  balance: { received: number; stored: number; duplicate: number; conflict: number; rejected: number; waiting: number }
  database: 'up' | 'down'
  /** Down as soon as one active ingest process has none. */
  broker: 'up' | 'down' | 'unknown'
  /** Silent when a shard that was heard in the last hour has no active process. */
  ingest: 'up' | 'silent'
  /** Readings come from the simulator or a replay; a screen says so. */
  origin: string | null
}
/** `troubled`: stations late and offline, worst first (longest silence relative to their interval). */
export interface TroubledCell {
  total: number
  items: TroubledStation[]
}
export interface TroubledStation {
  code: string
  state: StationState
  lastObservedAt: number | null
  /** The station's shortest reporting interval, s. */
  intervalS: number
  points: number
}
/** `beyond:{station}:{metric}`: one of the worst that are beyond an absolute limit now. A cell each: the list as one would go whole with every value. */
export interface ExceedingPoint {
  station: string
  metric: string
  value: number
  observedAt: number
  /** When the value was first seen beyond this limit since the server watches it. */
  since: number
  severity: Severity
  op: string
  limit: number
}
/** `row:{station}` in a domain room, and `point:{metric}` in a station room holds one of its values. */
export interface StationRow {
  state: StationState
  severity: Severity | null
  values: Record<string, PointValue>
}
export interface PointValue {
  value: number
  quality: Quality
  observedAt: number
  receivedAt: number
  /** Why it is uncertain, when an automatic check made it so. */
  mark?: QualityMark
}

/** `registry`: a screen that holds another version fetches `GET /api/v1/registry` again. */
export interface RegistryCell {
  version: string
}

/** `alarms` in room `overview`, `summary` in room `alarms`: open alarms that nothing hides, by severity, and how busy it is. */
export interface AlarmSummaryCell {
  open: Record<Severity, number>
  unacked: Record<Severity, number>
  /** The same by utility; `platform` for those of none. */
  domains: Record<string, Record<Severity, number>>
  shelved: number
  suppressed: number
  outOfService: number
  /** What rang in the last 10 minutes. */
  rangIn10Min: number
  /** More than 10 in 10 minutes: the list is grouped by cause. */
  flood: boolean
  /** Worst first, then unacknowledged, then newest; at most 20. */
  worst: AlarmCell[]
  /** Only of a past moment at which nothing watched for alarms: that there are none here says nothing. */
  known?: false
}
/** `alarm:{id}` in room `alarms`: one for each that is not normal, hidden ones too. */
export interface AlarmCell {
  id: string
  rule: string
  name: Bilingual
  kind: AlarmKind
  subject: string
  domain: DomainCode | null
  district: string | null
  station: string | null
  metric: string | null
  severity: Severity
  state: AlarmStateName
  activeAt: number
  rangAt: number | null
  returnedAt: number | null
  ackAt: number | null
  ackBy: string | null
  value: number | null
  limit: number | null
  /** How the value is compared with the limit, and where that comes from. */
  source: { op: string; text: string; evidence: Evidence } | null
  extreme: number | null
  unit: string | null
  cause: string | null
  /** Open alarms that it explains. */
  symptoms: number
  members: number
  assignedTo: string | null
  escalation: number
  recurrences: number
  shelvedUntil: number | null
}
/** Cells of room `alarms`. */
export interface AlarmCells {
  summary: AlarmSummaryCell
  [alarm: `alarm:${string}`]: AlarmCell
}

/** The cell of room `alarm-summary`: apart from the overview, which is always busy, so that an alarm leaves at once. */
export interface AlarmSummaryCells {
  summary: AlarmSummaryCell
}

/** Cells of room `overview`. */
export interface OverviewCells {
  registry: RegistryCell
  truth: TruthCell
  troubled: TroubledCell
  [beyond: `beyond:${string}`]: ExceedingPoint
  [kpi: `kpi:${string}`]: KpiCell
  [domain: `domain:${string}`]: DomainCell
  [district: `district:${string}`]: DistrictCell
  [station: `station:${string}`]: StationCell
  [trend: `trend:${string}`]: TrendCell
}
/** Cells of room `domain:{code}`. */
export interface DomainCells {
  domain: DomainCell
  trend: TrendCell
  [kpi: `kpi:${string}`]: KpiCell
  [row: `row:${string}`]: StationRow
}
/** Cells of room `station:{code}`. */
export interface StationCells {
  station: { state: StationState; severity: Severity | null }
  [point: `point:${string}`]: PointValue
}
/** The cell of room `kpi:{code}`. */
export interface KpiCells {
  kpi: KpiCell
}
/** Cells of room `choropleth:{code}`: the KPI of each district that has points of it. */
export interface ChoroplethCells {
  [district: `district:${string}`]: KpiCell
}
/**
 * `pipe:{id}` in room `network:{domain}`: what readings say of it. Nothing here is measured in the pipe: pressure is
 * interpolated along the network, flow is that of a meter that stands at one of its ends.
 */
export interface PipeCell {
  /** In the unit of the network's pressure metric; null when no fresh reading is near enough. */
  pressure: number | null
  /** How many stations that is interpolated from. */
  from: number
  /** Oldest `observedAt` among them; null without any. */
  asOf: number | null
  flow: { value: number; station: string; observedAt: number } | null
}
/** Cells of room `network:{domain}`. */
export interface NetworkCells {
  [pipe: `pipe:${string}`]: PipeCell
}
