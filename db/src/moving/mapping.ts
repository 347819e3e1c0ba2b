import { readFile } from 'node:fs/promises'
import { metricByCode, stationCodePattern } from '@yiping/contract'
import Type, { type Static } from 'typebox'
import { Errors, Parse } from 'typebox/value'
import { columns } from './columns.ts'

const closed = { additionalProperties: false }
const StationCode = Type.String({ pattern: stationCodePattern.source })

/** What a foreign name is here: value × factor + offset, in the metric's unit. */
const Target = Type.Object(
  { metric: Type.String(), factor: Type.Optional(Type.Number()), offset: Type.Optional(Type.Number()) },
  { ...closed, description: 'a metric of the catalogue' },
)
export type Target = Static<typeof Target>
const Targets = Type.Record(Type.String(), Type.Union([Target, Type.Null()]), { description: 'null: known, and left out' })

const Source = Type.Object(
  {
    column: Type.Optional(Type.String({ minLength: 1, description: 'of the device list' })),
    value: Type.Optional(Type.String({ description: 'the same for all, where there is no column' })),
    values: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'what its words are here; others stay as they are' })),
  },
  closed,
)

/** How devices and keys of a ThingsBoard become stations and metrics. */
export const ThingsboardMap = Type.Object(
  {
    from: Type.Literal('thingsboard'),
    stations: Type.Optional(Type.Record(Type.String(), StationCode, { description: 'by the name or the id of a device' })),
    devices: Type.Optional(
      Type.Record(Type.String(), Type.Union([Type.String({ minLength: 1 }), Source]), { description: 'fields of a station from columns' }),
    ),
    keys: Type.Optional(Targets),
  },
  closed,
)
export type ThingsboardMap = Static<typeof ThingsboardMap>

/** How a table of Telegraf's PostgreSQL output becomes readings. */
export const TelegrafMap = Type.Object(
  {
    from: Type.Literal('telegraf'),
    time: Type.Optional(Type.String({ minLength: 1, description: 'the column of the time, `time` unless it is renamed' })),
    station: Type.Object({ tag: Type.String({ minLength: 1 }), values: Type.Optional(Type.Record(Type.String(), StationCode)) }, closed),
    where: Type.Optional(Type.Record(Type.String(), Type.String(), { description: 'only rows with these tags' })),
    fields: Targets,
  },
  closed,
)
export type TelegrafMap = Static<typeof TelegrafMap>

/** Everything that is wrong with a mapping, each with where it stands. */
export class MappingError extends Error {
  override name = 'MappingError'
  constructor(file: string, faults: readonly string[], options?: ErrorOptions) {
    super(`${file} is not right:\n${faults.map((f) => `  - ${f}`).join('\n')}`, options)
  }
}

async function readMapping<T extends Type.TSchema>(file: string, schema: T): Promise<Static<T>> {
  let raw: unknown
  try {
    raw = JSON.parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new MappingError(file, [cause instanceof Error ? cause.message : 'cannot be read'], { cause })
  }
  const faults = [...Errors(schema, raw)].map((e) => `${e.instancePath || '/'} ${e.message}`)
  if (faults.length > 0) throw new MappingError(file, faults)
  return Parse(schema, raw)
}

function checkTargets(file: string, at: string, targets: Readonly<Record<string, Target | null>>): void {
  const faults = Object.entries(targets).flatMap(([name, target]) =>
    target !== null && !metricByCode.has(target.metric) ? [`/${at}/${name}: ${target.metric} is no metric`] : [],
  )
  if (faults.length > 0) throw new MappingError(file, faults)
}

export async function readThingsboardMap(file: string): Promise<ThingsboardMap> {
  const map = await readMapping(file, ThingsboardMap)
  const unknown = Object.keys(map.devices ?? {}).filter((field) => !Object.hasOwn(columns.stations, field))
  if (unknown.length > 0)
    throw new MappingError(
      file,
      unknown.map((field) => `/devices/${field}: a station has ${Object.keys(columns.stations).join(', ')}`),
    )
  checkTargets(file, 'keys', map.keys ?? {})
  return map
}

export async function readTelegrafMap(file: string): Promise<TelegrafMap> {
  const map = await readMapping(file, TelegrafMap)
  checkTargets(file, 'fields', map.fields)
  return map
}

/** A foreign value in the metric's unit. What is no number stays as it is, and is refused as that. */
export function converted(raw: unknown, { factor = 1, offset = 0 }: Target): unknown {
  if (raw === true || raw === 'true') return converted(1, { metric: '', factor, offset })
  if (raw === false || raw === 'false') return converted(0, { metric: '', factor, offset })
  const value = typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : raw
  if (typeof value !== 'number' || !Number.isFinite(value)) return raw
  // Without the last digits, which are of the calculation and not of the device.
  return factor === 1 && offset === 0 ? value : Number((value * factor + offset).toPrecision(12))
}
