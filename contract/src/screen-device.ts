import Type, { type Static } from 'typebox'
import { Time } from './rest.ts'
import { settingBounds, wallScenes } from './screen-settings.ts'

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const bounded = ({ least, most }: { least: number; most: number }, description: string) => Type.Number({ minimum: least, maximum: most, description })
const Scene = Type.Enum([...wallScenes])
const Dwell = Type.Union([Type.Literal(0), bounded(settingBounds.dwellS, 'seconds')], { description: 'seconds; 0 leaves the scene out' })

export const ScreenSettingsSchema = Type.Object(
  {
    theme: Type.Enum(['calm', 'showroom']),
    language: Type.Enum(['zh-CN', 'en']),
    distanceM: Nullable(bounded(settingBounds.distanceM, 'viewing distance, m')),
    heightCm: Nullable(bounded(settingBounds.heightCm, 'height of the picture, cm')),
    rotate: Type.Boolean({ description: 'scenes come up in turn' }),
    dwellS: Type.Object({ overview: Dwell, water: Dwell, gas: Dwell, heating: Dwell, drainage: Dwell }, { additionalProperties: false }),
    sound: Type.Boolean({ description: 'a red alarm that nobody has acknowledged is heard' }),
  },
  { additionalProperties: false },
)

/** Socket.IO `report`: what a paired screen says of itself every ten seconds. */
export const ScreenReport = Type.Object(
  {
    version: Type.String({ maxLength: 40, description: 'product version that its page runs' }),
    heapBytes: Nullable(Type.Number({ minimum: 0, description: 'null where the browser does not say' })),
    frameP95Ms: Nullable(Type.Number({ minimum: 0, maximum: 600_000, description: '95th percentile of the time between two frames; null while hidden' })),
    domNodes: Type.Integer({ minimum: 0 }),
    uptimeS: Type.Integer({ minimum: 0, description: 'since its page was loaded' }),
    shows: Type.String({ maxLength: 200, description: 'path of the page' }),
    viewport: Type.String({ maxLength: 40, description: 'width×height@device pixels' }),
  },
  { additionalProperties: false },
)
export type ScreenReport = Static<typeof ScreenReport>

/** `POST /api/v1/screens/pairing`, asked by the screen. */
export const PairingAnswer = Type.Object(
  {
    code: Type.String({ pattern: '^\\d{6}$', description: 'shown on the screen; an operator enters it' }),
    secret: Type.String({ description: 'with it the screen, and nobody else, fetches its credential' }),
    expiresAt: Time,
  },
  { $id: 'Pairing' },
)
export type PairingAnswer = Static<typeof PairingAnswer>

/** `POST /api/v1/screens/pairing/claim` */
export const ClaimRequest = Type.Object({ secret: Type.String({ minLength: 20, maxLength: 100 }) }, { additionalProperties: false })
export const ClaimAnswer = Type.Object(
  {
    state: Type.Enum(['waiting', 'paired']),
    token: Type.Optional(Type.String({ description: 'the credential; given out this once' })),
  },
  { $id: 'Claim' },
)
export type ClaimAnswer = Static<typeof ClaimAnswer>

const ScreenName = Type.String({ minLength: 1, maxLength: 60, pattern: '\\S' })
/** `POST /api/v1/screens`, by an operator. */
export const PairRequest = Type.Object(
  { code: Type.String({ pattern: '^\\d{6}$' }), name: ScreenName, settings: Type.Optional(ScreenSettingsSchema) },
  { additionalProperties: false },
)
export type PairRequest = Static<typeof PairRequest>

/** `PATCH /api/v1/screens/{id}` */
export const ScreenChange = Type.Object({ name: Type.Optional(ScreenName), settings: Type.Optional(ScreenSettingsSchema) }, { additionalProperties: false })
export type ScreenChange = Static<typeof ScreenChange>

export const ScreenAnswer = Type.Object(
  {
    id: Type.Integer(),
    name: Type.String(),
    settings: ScreenSettingsSchema,
    createdAt: Time,
    pairedAt: Nullable(Time),
    lastSeenAt: Nullable(Time),
    online: Type.Boolean({ description: 'its socket is open, on whichever server' }),
    report: Nullable(ScreenReport),
    outdated: Type.Boolean({ description: 'its page runs another version than this server' }),
  },
  { $id: 'Screen' },
)
export type ScreenAnswer = Static<typeof ScreenAnswer>
export const ScreensAnswer = Type.Object({ version: Type.String({ description: "the server's" }), items: Type.Array(ScreenAnswer) }, { $id: 'Screens' })
export type ScreensAnswer = Static<typeof ScreensAnswer>

const Minutes = Type.Integer({ minimum: 1, maximum: 1440 })
/** `POST /api/v1/screens/{id}/command` */
export const ScreenCommand = Type.Union([
  Type.Object({ kind: Type.Literal('reload') }, { additionalProperties: false }),
  Type.Object({ kind: Type.Literal('scene'), scene: Scene, minutes: Minutes }, { additionalProperties: false }),
  Type.Object(
    {
      kind: Type.Literal('message'),
      text: Type.String({ minLength: 1, maxLength: 200, pattern: '\\S' }),
      by: Type.String({ minLength: 1, maxLength: 100 }),
      minutes: Minutes,
    },
    { additionalProperties: false },
  ),
])
export type ScreenCommand = Static<typeof ScreenCommand>
export const CommandAnswer = Type.Object({ done: Type.Literal(true) }, { $id: 'CommandDone' })
