import Type, { type Static } from 'typebox'
import { Bilingual, DomainCode } from './domain.ts'
import { stationStates } from './freshness.ts'
import { Quality, RejectionReason } from './reading.ts'

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
  lastCommitAt: Nullable(Time),
  balanceCloses: Nullable(Type.Boolean()),
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
    state: StationStateSchema,
    points: Type.Array(StationPoint),
  },
  { $id: 'Station' },
)
export type StationAnswer = Static<typeof StationAnswer>
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
    code: Type.Array(Type.String()),
    name: Type.Array(Type.String()),
    kind: Type.Array(Type.String()),
    domain: Type.Array(DomainCode),
    district: Type.Array(Type.String()),
    lon: Type.Array(Type.Number()),
    lat: Type.Array(Type.Number()),
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
export const SeriesAnswer = Type.Object(
  {
    from: Time,
    to: Time,
    tier: TierSchema,
    bucketSeconds: Type.Integer({ description: '0 for tier raw' }),
    series: Type.Array(
      Type.Object({
        station: Type.String(),
        metric: Type.String(),
        unit: Type.String(),
        t: Type.Array(Type.Integer({ description: 'epoch ms, start of the bucket' })),
        min: Type.Array(Type.Number()),
        max: Type.Array(Type.Number()),
        avg: Type.Array(Type.Number()),
        count: Type.Array(Count),
        suspect: Type.Optional(
          Type.Object(
            { t: Type.Array(Type.Integer({ description: 'epoch ms, start of the bucket' })), uncertain: Type.Array(Count), bad: Type.Array(Count) },
            { description: 'readings that are not good, by bucket: uncertain ones are in the figures, bad ones are not. Only for spans of up to 48 hours' },
          ),
        ),
      }),
    ),
  },
  { $id: 'Series' },
)
export type SeriesAnswer = Static<typeof SeriesAnswer>

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
