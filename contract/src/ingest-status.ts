import Type, { type Static } from 'typebox'
import { DomainCode } from './domain.ts'
import { StationStateSchema, Time } from './rest.ts'

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const Count = Type.Integer({ minimum: 0 })

/**
 * What an operator looks into first: a station says nothing, sends less than its interval promises, sends what is refused,
 * sends second values, or sends late.
 */
export const sourceProblems = ['silent', 'incomplete', 'rejected', 'conflict', 'slow'] as const
export type SourceProblem = (typeof sourceProblems)[number]
export const SourceProblemSchema = Type.Enum([...sourceProblems])

const Delay = Type.Object({
  p50: Type.Number({ description: 'ms from the device’s clock to ours; below 0: its clock is ahead' }),
  p95: Type.Number(),
})
const Completeness = {
  received: Type.Number({
    minimum: 0,
    description: 'of the readings expected in the measured span, those that came; what a point sends beyond is not counted',
  }),
  expected: Type.Number({ minimum: 0, description: 'by the intervals of the points' }),
}
const Reasons = Type.Record(Type.String(), Count, { description: 'refused readings by reason' })

/** `GET /api/v1/ingest/status` */
export const IngestStatusAnswer = Type.Object(
  {
    at: Time,
    span: Type.Object({ from: Time, to: Time }, { description: 'of the account: whole minutes' }),
    settledTo: Time,
    measured: Type.Object(
      { from: Time, to: Time, at: Time },
      { description: 'when readings were observed that completeness, rate and delay are worked out from, and when that was done' },
    ),
    parts: Type.Object({ database: Type.Enum(['up', 'down']), broker: Type.Enum(['up', 'down', 'unknown']), ingest: Type.Enum(['up', 'silent']) }),
    total: Type.Object({
      stations: Type.Object({ online: Count, late: Count, offline: Count, maintenance: Count }),
      ...Completeness,
      perMinute: Type.Number({ description: 'readings that arrived, mean of the last five settled minutes' }),
      delayMs: Nullable(Delay),
      problems: Type.Object({ silent: Count, incomplete: Count, rejected: Count, conflict: Count, slow: Count }, { description: 'stations' }),
    }),
    domains: Type.Array(
      Type.Object({
        domain: DomainCode,
        stations: Type.Object({ online: Count, late: Count, offline: Count, maintenance: Count }),
        lastSeenAt: Nullable(Time),
        perMinute: Type.Number({ description: 'readings of the measured span' }),
        ...Completeness,
        delayMs: Nullable(Delay),
      }),
      { description: 'least complete first' },
    ),
    sources: Type.Array(
      Type.Object({
        source: Type.String({ description: 'topic class, or `import`' }),
        lastMinute: Nullable(Time),
        perMinute: Type.Number(),
        received: Count,
        stored: Count,
        duplicate: Count,
        conflict: Count,
        rejected: Count,
        waiting: Count,
        openMinutes: Count,
        difference: Type.Integer({ description: 'of the open minutes: received − the sum of the outcomes' }),
        reasons: Reasons,
      }),
      { description: 'of the account’s span; who does not close first, then who has most refused' },
    ),
    shards: Type.Array(
      Type.Object({
        shard: Type.String(),
        role: Type.Enum(['active', 'standby']),
        silent: Type.Boolean({ description: 'has said nothing for some seconds' }),
        heardAt: Time,
        broker: Type.Enum(['up', 'down']),
        inFlight: Count,
        spoolBytes: Count,
        spoolFull: Type.Boolean(),
        lastCommitAt: Nullable(Time),
        version: Type.String(),
      }),
    ),
    waiting: Type.Object({ stations: Count, points: Count, lastSeenAt: Nullable(Time) }, { description: 'who sends without being registered' }),
    minutes: Type.Object(
      {
        from: Type.Integer({ description: 'epoch ms of the first minute' }),
        sources: Type.Array(
          Type.Object({
            source: Type.String(),
            received: Type.Array(Nullable(Count), { description: 'one a minute; null: nothing was received' }),
            refused: Type.Array(Count, { description: 'of them refused, or second values' }),
            difference: Type.Array(Type.Integer(), { description: '0: the minute closes' }),
          }),
        ),
      },
      { description: 'the account minute by minute' },
    ),
  },
  { $id: 'IngestStatus' },
)
export type IngestStatusAnswer = Static<typeof IngestStatusAnswer>

/** `GET /api/v1/ingest/stations` */
export const SourceStationsAnswer = Type.Object(
  {
    at: Time,
    total: Count,
    items: Type.Array(
      Type.Object({
        code: Type.String(),
        name: Type.String(),
        domain: DomainCode,
        kind: Type.String(),
        district: Nullable(Type.String()),
        gateway: Nullable(Type.String()),
        state: StationStateSchema,
        problems: Type.Array(SourceProblemSchema),
        lastSeenAt: Nullable(Time),
        perMinute: Type.Number(),
        ...Completeness,
        delayMs: Nullable(Delay),
        rejected: Count,
        reasons: Reasons,
        conflict: Count,
      }),
      { description: 'worst first' },
    ),
    nextCursor: Nullable(Type.String()),
  },
  { $id: 'SourceStations' },
)
export type SourceStationsAnswer = Static<typeof SourceStationsAnswer>
