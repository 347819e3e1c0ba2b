import Type, { type Static } from 'typebox'
import { DomainCode } from './domain.ts'
import { CoverageSchema, Time } from './rest.ts'

const Nullable = <T extends Type.TSchema>(schema: T, options: Type.TSchemaOptions = {}) => Type.Union([schema, Type.Null()], options)
const Count = Type.Integer({ minimum: 0 })
const Epochs = Type.Array(Type.Integer({ description: 'epoch ms, start of the bucket' }))
const Numbers = Type.Array(Type.Number())

/** A mean over points per quarter of an hour; a bucket without readings is absent. */
export const PanelLine = Type.Object({ metric: Type.String(), points: Count, t: Epochs, mean: Numbers })

/** Since when a point has been beyond the limit without a break. */
export const BeyondSince = Type.Object({
  station: Type.String(),
  metric: Type.String(),
  since: Time,
  atLeast: Type.Boolean({ description: 'it was beyond already where the look back ends' }),
})
export type BeyondSince = Static<typeof BeyondSince>

export const NightFlow = Type.Object({
  station: Type.String(),
  nightMin: Nullable(Type.Number({ description: 'least quarter-hour mean between 02 and 04 h, m³/h' })),
  dayMean: Nullable(Type.Number({ description: 'mean of the last 24 h, m³/h' })),
  ratio: Nullable(Type.Number({ description: '100 × nightMin ÷ dayMean, %; null where too little of night or day is known' })),
  nightQuarters: Type.Integer({ minimum: 0, maximum: 8, description: 'quarters of an hour with readings between 02 and 04 h, of 8' }),
  dayQuarters: Type.Integer({ minimum: 0, maximum: 96, description: 'the same of the 24 h, of 96' }),
})
export type NightFlow = Static<typeof NightFlow>

export const RainSum = Type.Object({
  hours: Type.Integer(),
  most: Nullable(Type.Number({ description: 'mm, at the gauge with most' })),
  station: Nullable(Type.String({ description: 'that gauge' })),
  mean: Nullable(Type.Number({ description: 'mm, over the gauges that reported' })),
  gauges: CoverageSchema,
})
export type RainSum = Static<typeof RainSum>

/** How a temperature of the heating sources has followed the outdoor temperature, by least squares. */
export const HeatingCurve = Type.Object({
  metric: Type.String(),
  station: Nullable(Type.String({ description: 'null: the mean over the sources' })),
  hours: Type.Integer({ minimum: 1, description: 'hours with both readings' }),
  from: Time,
  outdoor: Type.Object(
    { min: Type.Number(), max: Type.Number(), last: Type.Number() },
    { description: '℃: least and most that the line rests on, and the newest' },
  ),
  line: Nullable(
    Type.Object({
      slope: Type.Number({ description: 'K for each K outdoors' }),
      intercept: Type.Number({ description: '℃ at 0 ℃ outdoors' }),
      spread: Type.Number({ description: 'K, standard deviation about the line' }),
    }),
    { description: 'null: too few hours, or weather that hardly moved' },
  ),
})
export type HeatingCurve = Static<typeof HeatingCurve>

export const RainLine = Type.Object({ t: Epochs, mean: Numbers, most: Numbers, gauges: Type.Array(Count) }, { description: 'mm per quarter of an hour' })

/**
 * `GET /api/v1/domains/{domain}/panels`: what a topic scene shows of the past up to a moment. What is newest it takes
 * from its room.
 */
export const PanelsAnswer = Type.Object(
  {
    at: Time,
    domain: DomainCode,
    beyond: Type.Array(BeyondSince, { description: 'low pressure, methane in voids, cold rooms, water on roads: longest first' }),
    nightFlow: Type.Optional(
      Type.Object(
        { from: Time, to: Time, dmas: Type.Array(NightFlow, { description: 'greatest ratio first; those without one last' }) },
        { description: 'water' },
      ),
    ),
    lines: Type.Optional(Type.Array(PanelLine, { description: 'heating: sources over 24 h; drainage: forebay level' })),
    heatingCurves: Type.Optional(
      Type.Object(
        {
          window: Type.Integer({ minimum: 1, description: 'hours that the outdoor temperature is the mean of: those that explain the supply best' }),
          outdoor: Type.Object({ t: Epochs, mean: Numbers }, { description: '℃, that mean over the sources at each quarter of an hour of 24 h' }),
          curves: Type.Array(HeatingCurve),
        },
        { description: 'heating: supply and return of the sources against the weather' },
      ),
    ),
    rain: Type.Optional(Type.Object({ sums: Type.Array(RainSum), line: RainLine }, { description: 'drainage' })),
  },
  { $id: 'Panels' },
)
export type PanelsAnswer = Static<typeof PanelsAnswer>
