import Type, { type Static } from 'typebox'
import { Bilingual, DomainCode } from './domain.ts'
import { stationStates } from './freshness.ts'
import { Quality, QualityMark, RejectionReason } from './reading.ts'

/** Times out are ISO 8601 with the city's offset. */
export const Time = Type.String({ format: 'date-time', description: 'ISO 8601 with offset' })
const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Count = Type.Integer({ minimum: 0 })
export const StationStateSchema = Type.Enum([...stationStates])

/** RFC 9457 with a stable `code`. */
export const Problem = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'stable; scripts may rely on it' }),
    detail: Type.Optional(Type.String()),
  },
  { $id: 'Problem' },
)
export type Problem = Static<typeof Problem>

export const CoverageSchema = Type.Object({ fresh: Count, expected: Count })
const StationCounts = Type.Object({ online: Count, late: Count, offline: Count, maintenance: Count })
const SeverityCounts = Type.Object({ '1': Count, '2': Count, '3': Count, '4': Count })

export const KpiAnswer = Type.Object({
  code: Type.String(),
  name: Bilingual,
  unit: Type.String({ description: 'UCUM' }),
  value: Nullable(Type.Number()),
  asOf: Nullable(Time),
  coverage: CoverageSchema,
  numerator: Nullable(Type.Number()),
  denominator: Nullable(Type.Number()),
  formula: Bilingual,
  headline: Type.Boolean(),
})
export const DomainOverview = Type.Object({
  code: DomainCode,
  name: Bilingual,
  kpis: Type.Array(KpiAnswer),
  stations: StationCounts,
  points: CoverageSchema,
  alarms: SeverityCounts,
})
export const BalanceSums = Type.Object({
  received: Count,
  stored: Count,
  duplicate: Count,
  conflict: Count,
  rejected: Count,
  waiting: Count,
})
export const TruthAnswer = Type.Object({
  points: CoverageSchema,
  delayP95Ms: Nullable(Type.Number()),
  spoolDepth: Nullable(Count),
  spoolBytes: Nullable(Count),
  spoolFull: Type.Boolean({ description: 'messages stay at the broker until there is room' }),
  lastCommitAt: Nullable(Time),
  balanceCloses: Nullable(Type.Boolean({ description: 'every settled minute of the last 24 hours' })),
  balanceOpen: Type.Object({
    minutes: Type.Integer({ minimum: 0, description: 'of the last 24 hours, settled, which do not close' }),
    difference: Type.Integer({ description: 'their received − (stored + duplicate + conflict + rejected + waiting)' }),
  }),
  balance: BalanceSums,
  database: Type.Enum(['up', 'down']),
  broker: Type.Enum(['up', 'down', 'unknown']),
  ingest: Type.Enum(['up', 'silent']),
  origin: Nullable(Type.String()),
})
export const OverviewAnswer = Type.Object(
  {
    at: Time,
    live: Type.Boolean(),
    domains: Type.Array(DomainOverview),
    alarmsKnown: Type.Boolean({ description: 'false: nothing watched for alarms at that moment, and none says nothing' }),
    truth: TruthAnswer,
  },
  { $id: 'Overview' },
)
export type OverviewAnswer = Static<typeof OverviewAnswer>

export const StationPoint = Type.Object({
  metric: Type.String(),
  unit: Type.String(),
  value: Nullable(Type.Number()),
  quality: Nullable(Quality),
  mark: Type.Union([QualityMark, Type.Null()], { description: 'which automatic check made the value uncertain' }),
  observedAt: Nullable(Time),
  receivedAt: Nullable(Time),
  intervalS: Type.Number(),
})
export const StationAnswer = Type.Object(
  {
    code: Type.String(),
    name: Type.String(),
    kind: Type.String(),
    domain: DomainCode,
    district: Nullable(Type.String({ description: 'adcode; null for a replayed station of another place' })),
    lon: Nullable(Type.Number()),
    lat: Nullable(Type.Number()),
    origin: Nullable(Type.String({ description: 'where replayed data comes from; null for stations of this city' })),
    gateway: Nullable(Type.String({ description: 'who speaks for it; null: a link of its own' })),
    owner: Nullable(Type.String({ description: 'who answers for it' })),
    feeder: Nullable(Type.String({ description: 'the station that feeds it, or that it drains to; null: not known' })),
    maintenance: Type.Boolean(),
    registeredAt: Time,
    state: StationStateSchema,
    points: Type.Array(StationPoint),
  },
  { $id: 'Station' },
)
export type StationAnswer = Static<typeof StationAnswer>
/** `GET /api/v1/stations/{code}/nearby` */
export const NearbyAnswer = Type.Object(
  { at: Time, items: Type.Array(Type.Object({ station: StationAnswer, metres: Type.Number() }), { description: 'of all utilities, nearest first' }) },
  { $id: 'Nearby' },
)
export type NearbyAnswer = Static<typeof NearbyAnswer>
/** `GET /api/v1/stations/{code}/messages` */
export const MessagesAnswer = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        metric: Type.String(),
        observedAt: Time,
        receivedAt: Time,
        value: Type.Number(),
        quality: Quality,
        mark: Nullable(QualityMark),
      }),
      { description: 'readings as they are stored, newest first' },
    ),
  },
  { $id: 'Messages' },
)
export type MessagesAnswer = Static<typeof MessagesAnswer>
export const StationsAnswer = Type.Object({ items: Type.Array(StationAnswer), nextCursor: Nullable(Type.String()) }, { $id: 'Stations' })
export type StationsAnswer = Static<typeof StationsAnswer>

/**
 * The registry in columns, for a map that draws thousands of stations: every array has one entry per station.
 * `GET /api/v1/registry`
 */
export const RegistryAnswer = Type.Object(
  {
    version: Type.String({ description: 'changes when a station is added, moved or renamed' }),
    zone: Type.String({ description: 'IANA zone of the city: of "today", day totals and axis labels' }),
    origin: Nullable(Type.String({ description: 'where the readings come from when not from the city itself; `simulator`: the simulated city' })),
    code: Type.Array(Type.String()),
    name: Type.Array(Type.String()),
    kind: Type.Array(Type.String()),
    domain: Type.Array(DomainCode),
    district: Type.Array(Type.String()),
    lon: Type.Array(Type.Number()),
    lat: Type.Array(Type.Number()),
    owner: Type.Optional(Type.Array(Type.String(), { description: 'who answers for the station; empty: nobody is named' })),
  },
  { $id: 'Registry' },
)
export type RegistryAnswer = Static<typeof RegistryAnswer>

/** `GET /api/v1/districts`: GeoJSON, WGS 84. */
export const DistrictsAnswer = Type.Object(
  {
    type: Type.Literal('FeatureCollection'),
    features: Type.Array(
      Type.Object({
        type: Type.Literal('Feature'),
        properties: Type.Object({
          adcode: Type.String(),
          name: Bilingual,
          parent: Nullable(Type.String()),
          level: Type.String(),
          center: Type.Tuple([Type.Number(), Type.Number()]),
        }),
        geometry: Type.Object({ type: Type.Enum(['Polygon', 'MultiPolygon']), coordinates: Type.Array(Type.Unknown()) }),
      }),
    ),
  },
  { $id: 'Districts' },
)
export type DistrictsAnswer = Static<typeof DistrictsAnswer>

/** `GET /api/v1/networks/{domain}`: the pipes as GeoJSON, WGS 84, with what readings say of them. */
export const NetworkAnswer = Type.Object(
  {
    type: Type.Literal('FeatureCollection'),
    at: Time,
    live: Type.Boolean(),
    features: Type.Array(
      Type.Object({
        type: Type.Literal('Feature'),
        properties: Type.Object({
          code: Type.String(),
          from: Type.String({ description: 'node' }),
          to: Type.String({ description: 'node' }),
          lengthM: Nullable(Type.Number()),
          diameterMm: Nullable(Type.Number()),
          source: Type.String(),
          simulated: Type.Boolean({ description: 'no such pipe lies there' }),
          pressure: Nullable(Type.Number({ description: 'interpolated, in the unit of the pressure metric' })),
          interpolatedFrom: Type.Integer({ minimum: 0, description: 'stations' }),
          asOf: Nullable(Time),
          flow: Nullable(Type.Object({ value: Type.Number(), station: Type.String(), observedAt: Time }, { description: 'of the meter at one end' })),
        }),
        geometry: Type.Object({ type: Type.Literal('LineString'), coordinates: Type.Array(Type.Tuple([Type.Number(), Type.Number()])) }),
      }),
    ),
  },
  { $id: 'Network' },
)
export type NetworkAnswer = Static<typeof NetworkAnswer>

/** `GET /api/v1/kpis/{code}/districts` */
export const KpiDistrictsAnswer = Type.Object(
  {
    at: Time,
    live: Type.Boolean(),
    code: Type.String(),
    name: Bilingual,
    unit: Type.String({ description: 'UCUM' }),
    formula: Bilingual,
    districts: Type.Array(
      Type.Object({
        district: Type.String({ description: 'adcode' }),
        value: Nullable(Type.Number()),
        asOf: Nullable(Time),
        coverage: CoverageSchema,
        numerator: Nullable(Type.Number()),
        denominator: Nullable(Type.Number()),
      }),
    ),
  },
  { $id: 'KpiDistricts' },
)
export type KpiDistrictsAnswer = Static<typeof KpiDistrictsAnswer>

export const DomainAnswer = Type.Object(
  {
    at: Time,
    live: Type.Boolean(),
    domain: DomainOverview,
    stations: Type.Array(StationAnswer, { description: 'worst first' }),
  },
  { $id: 'Domain' },
)
export type DomainAnswer = Static<typeof DomainAnswer>

export const tiers = ['raw', '1m', '15m', '1h', '1d'] as const
export type Tier = (typeof tiers)[number]
export const TierSchema = Type.Enum([...tiers])
const SeriesColumns = {
  t: Type.Array(Type.Integer({ description: 'epoch ms, start of the bucket' })),
  min: Type.Array(Type.Number()),
  max: Type.Array(Type.Number()),
  avg: Type.Array(Type.Number()),
  count: Type.Array(Count),
}
const Counted = Type.Optional(
  Type.Array(Type.Union([Type.Number(), Type.Null()]), {
    description:
      'counters: what was counted in each bucket of `t`, since the last reading before it (so a bucket after a gap has what was counted in the gap): resets, roll-overs and corrupt frames as docs/adr/0023 says; of tier raw at each reading. Null for a meter’s first reading of all, as long as it is alone in its bucket. Absent while it is not worked out',
  }),
)
export const TimeInStateAnswer = Type.Object(
  {
    t: Type.Array(Type.Integer({ description: 'epoch ms, start of the bucket' })),
    states: Type.Array(Type.Object({ state: Type.Number({ description: 'its code' }), ms: Type.Array(Count) })),
    unknownMs: Type.Array(Count, { description: 'before the first reading, and while the last one is stale' }),
  },
  {
    description:
      'states: how long each lasted by bucket, of all buckets of the span up to now, with readings or not. The milliseconds of a bucket make up its length in the span. Not for tier raw, and absent while it is not worked out',
  },
)
export const SeriesAnswer = Type.Object(
  {
    from: Time,
    to: Time,
    tier: TierSchema,
    bucketSeconds: Type.Integer({ description: '0 for tier raw' }),
    pendingHours: Type.Integer({
      minimum: 0,
      description: 'hours of the span with late readings of these points that the roll-ups do not have yet: their figures will change',
    }),
    series: Type.Array(
      Type.Object({
        station: Type.String(),
        metric: Type.String(),
        unit: Type.String(),
        ...SeriesColumns,
        counted: Counted,
        timeInState: Type.Optional(TimeInStateAnswer),
        compare: Type.Optional(
          Type.Object(
            { from: Time, to: Time, ...SeriesColumns, counted: Counted, timeInState: Type.Optional(TimeInStateAnswer) },
            { description: 'the same of the span that `compare` asks for, its times as they were' },
          ),
        ),
        percentiles: Type.Optional(
          Type.Object(
            { readings: Count, values: Type.Array(Type.Object({ percent: Type.Number({ minimum: 0, maximum: 100 }), value: Type.Number() })) },
            { description: 'exact, of the readings of the span themselves, bad ones left out; without readings no values' },
          ),
        ),
        suspect: Type.Optional(
          Type.Object(
            { t: Type.Array(Type.Integer({ description: 'epoch ms, start of the bucket' })), uncertain: Type.Array(Count), bad: Type.Array(Count) },
            { description: 'readings that are not good, by bucket: uncertain ones are in the figures, bad ones are not. Only for spans of up to 48 hours' },
          ),
        ),
        corrections: Type.Array(
          Type.Object({
            hour: Type.Integer({ description: 'epoch ms, start of the hour' }),
            at: Type.Integer({ description: 'epoch ms, when its roll-ups were last worked out again' }),
            rows: Type.Integer({ minimum: 1, description: 'late readings that came in all' }),
          }),
          { description: 'hours that late readings have changed (已订正), oldest first' },
        ),
      }),
    ),
  },
  { $id: 'Series' },
)
export type SeriesAnswer = Static<typeof SeriesAnswer>

/** `GET /api/v1/history/districts` */
export const DistrictHistoryQuery = Type.Object(
  {
    metrics: Type.String({ description: 'codes of metrics, joined by commas; at most ten' }),
    from: Type.Optional(Type.String()),
    to: Type.Optional(Type.String()),
    bucket: Type.Enum(['1h', '1d'], { default: '1h', description: 'hours, or days of the city’s zone' }),
  },
  { additionalProperties: false },
)
export const DistrictHistoryAnswer = Type.Object(
  {
    from: Time,
    to: Time,
    bucket: Type.Enum(['1h', '1d']),
    series: Type.Array(
      Type.Object(
        {
          metric: Type.String(),
          unit: Type.String(),
          district: Nullable(Type.String({ description: 'adcode; null for stations of no district' })),
          points: Type.Integer({ minimum: 1, description: 'points that measure it there today' }),
          ...SeriesColumns,
          coverage: Type.Array(
            Type.Number({ minimum: 0, description: 'readings in the bucket, bad ones left out, for each that these points were to send in it so far' }),
          ),
        },
        { description: 'of the city’s own points; a bucket without readings is absent; means to six decimals' },
      ),
    ),
  },
  { $id: 'DistrictHistory' },
)
export type DistrictHistoryAnswer = Static<typeof DistrictHistoryAnswer>

const exportFields = {
  points: Type.String({ description: 'STATION:METRIC, joined by commas; at most 50' }),
  from: Type.Optional(Type.String()),
  to: Type.Optional(Type.String()),
  format: Type.Enum(['csv', 'parquet'], { default: 'csv' }),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 50_000_000, description: 'at most so many rows; the cursor says where the next go on' })),
  cursor: Type.Optional(Type.String({ description: 'of the last row had: base64url of STATION:METRIC, a comma and its time as it stands in the line' })),
}
/** `GET /api/v1/export` and `/export/count` */
export const ExportQuery = Type.Object({ ...exportFields, bucket: Type.Enum([...tiers], { default: 'raw' }) }, { additionalProperties: false })
/** `GET /api/v1/series/export` and `/series/count`: the same under the names of a series. */
export const SeriesExportQuery = Type.Object({ ...exportFields, tier: Type.Enum([...tiers], { default: 'raw' }) }, { additionalProperties: false })
export const exportFormats = ['csv', 'parquet'] as const
export type ExportFormat = (typeof exportFormats)[number]
export const ExportCountAnswer = Type.Object({ rows: Count }, { $id: 'ExportCount' })
export type ExportCountAnswer = Static<typeof ExportCountAnswer>
/** `GET /api/v1/export/{id}`: how far an export has come, for who sees no trailers. */
export const ExportProgressAnswer = Type.Object(
  {
    rows: Count,
    cursor: Nullable(Type.String({ description: 'of the last row written; null before the first' })),
    state: Type.Enum(['running', 'complete', 'limited', 'failed', 'gone'], {
      description: 'limited: more rows are to be had behind the cursor; gone: the client went away',
    }),
    failure: Nullable(Type.String({ description: 'why it failed, as a code' })),
  },
  { $id: 'ExportProgress' },
)
export type ExportProgressAnswer = Static<typeof ExportProgressAnswer>

export const BalanceAnswer = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        minute: Time,
        source: Type.String(),
        ...BalanceSums.properties,
        closes: Type.Boolean(),
      }),
    ),
  },
  { $id: 'Balance' },
)
export type BalanceAnswer = Static<typeof BalanceAnswer>

export const RejectionsAnswer = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        id: Type.String(),
        at: Time,
        topic: Type.String(),
        reason: RejectionReason,
        detail: Nullable(Type.String()),
        readings: Count,
        payload: Type.String({ description: 'first 4 KiB, bytes that are not UTF-8 replaced' }),
      }),
    ),
    nextCursor: Nullable(Type.String()),
  },
  { $id: 'Rejections' },
)
export type RejectionsAnswer = Static<typeof RejectionsAnswer>

/** `GET /api/v1/ingest/waiting` */
export const WaitingAnswer = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        station: Type.String(),
        metric: Type.String(),
        domain: Nullable(Type.String({ description: 'as the topic says; null from a gateway' })),
        firstSeen: Time,
        lastSeen: Time,
        times: Count,
        held: Type.Integer({ minimum: 0, description: 'readings kept until it is registered' }),
        sample: Type.String({ description: 'the newest value as it came' }),
        registrable: Type.Boolean({ description: 'the catalogue knows the metric, and it is one of the station’s utility' }),
        registered: Type.Boolean({ description: 'the station exists, only this point is missing' }),
      }),
    ),
    nextCursor: Nullable(Type.String()),
  },
  { $id: 'Waiting' },
)
export type WaitingAnswer = Static<typeof WaitingAnswer>

/** What an operator says of one station on the waiting list. Everything but the code has a default for a new station. */
export const StationRegistration = Type.Object(
  {
    code: Type.String(),
    name: Type.Optional(Type.String({ minLength: 1, maxLength: 200, description: 'default: the code' })),
    kind: Type.Optional(Type.String({ description: 'default: the kind that measures most of the metrics and least besides' })),
    domain: Type.Optional(Type.String({ description: 'default: of the topic, or of the metrics' })),
    district: Type.Optional(Type.String({ description: 'adcode' })),
    lon: Type.Optional(Type.Number({ minimum: -180, maximum: 180 })),
    lat: Type.Optional(Type.Number({ minimum: -90, maximum: 90 })),
    feeder: Type.Optional(Type.String({ description: 'the station that feeds it, or that it drains to: registered, or registered with it' })),
    metrics: Type.Optional(Type.Array(Type.String(), { minItems: 1, maxItems: 100, description: 'default: all waiting ones that can be registered' })),
  },
  { additionalProperties: false },
)
export type StationRegistration = Static<typeof StationRegistration>
/** `POST /api/v1/ingest/waiting/register` */
export const RegisterRequest = Type.Object({ stations: Type.Array(StationRegistration, { minItems: 1, maxItems: 1000 }) }, { additionalProperties: false })
export const RegisterAnswer = Type.Object(
  {
    registered: Type.Array(Type.Object({ code: Type.String(), points: Type.Array(Type.String()) })),
    held: Type.Integer({ minimum: 0, description: 'readings that were kept for them, and now come in' }),
  },
  { $id: 'Registered' },
)
export type RegisterAnswer = Static<typeof RegisterAnswer>

/** `GET /api/v1/ingest/conflicts`: second values for an identity that had one. */
export const ConflictsAnswer = Type.Object(
  {
    items: Type.Array(
      Type.Object({
        id: Type.String(),
        station: Type.String(),
        metric: Type.String(),
        observedAt: Time,
        receivedAt: Time,
        value: Type.Number({ description: 'the one that was not stored' }),
        keptValue: Nullable(Type.Number({ description: 'the first, which stays; null when it is no longer kept' })),
        quality: Quality,
        source: Type.String(),
      }),
    ),
    nextCursor: Nullable(Type.String()),
  },
  { $id: 'Conflicts' },
)
export type ConflictsAnswer = Static<typeof ConflictsAnswer>

const DependencyState = Type.Object({
  state: Type.Enum(['up', 'down', 'unknown']),
  since: Nullable(Time),
  detail: Type.Optional(Type.String()),
})
export const ReadinessAnswer = Type.Object(
  {
    ready: Type.Boolean(),
    version: Type.String(),
    dependencies: Type.Record(Type.String(), DependencyState),
  },
  { $id: 'Readiness' },
)
export type ReadinessAnswer = Static<typeof ReadinessAnswer>
