import pg from 'pg'
import type { Queryable } from '../connection.ts'
import type { ImportRecord } from '../import-record.ts'
import { converted, type Target, type TelegrafMap } from './mapping.ts'

/** A table of Telegraf's PostgreSQL output, with its tags in columns, in a JSONB column, or in a table of their own. */
export interface TelegrafTable {
  /** Everything of the mapping that has a metric. */
  fields: { name: string; target: Target }[]
  /** Rows from a moment on, oldest first: `ms`, `station`, and each field as `f0`, `f1`, … */
  sql: string
  parameters: (string | number)[]
}

const tagSuffix = '_tag'
const numeric = new Set(['double precision', 'real', 'bigint', 'integer', 'smallint', 'numeric', 'boolean', 'uint8'])
/** Rows in whose JSONB fields that nobody has mapped are looked for. */
const lookedAt = 10_000

/** Finds out how a table is laid out, and what the mapping does not say of it; nothing is read then. */
export async function telegrafTable(db: Queryable, schema: string, table: string, map: TelegrafMap): Promise<TelegrafTable> {
  const own = await columnsOf(db, schema, table)
  if (own.size === 0) throw new Error(`there is no table ${schema}.${table}`)
  const name = `${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(table)}`
  const apart = own.has('tag_id') ? await columnsOf(db, schema, `${table}${tagSuffix}`) : new Map<string, string>()
  const time = map.time ?? 'time'
  const faults: string[] = []
  if (!/^timestamp|^date/.test(own.get(time) ?? '')) faults.push(`there is no column ${time} of times: ${[...own.keys()].join(', ')}`)
  const parameters: (string | number)[] = []
  const tag = (tagName: string): string => {
    const quoted = pg.escapeIdentifier(tagName)
    const isTag = tagName !== time && tagName !== 'tag_id'
    if (isTag && own.has(tagName)) return `t.${quoted}::text`
    if (own.get('tags') === 'jsonb') return `t.tags ->> ${pg.escapeLiteral(tagName)}`
    if (isTag && apart.has(tagName)) return `g.${quoted}::text`
    if (apart.get('tags') === 'jsonb') return `g.tags ->> ${pg.escapeLiteral(tagName)}`
    faults.push(`there is no tag ${tagName}`)
    return 'null::text'
  }
  const fields = Object.entries(map.fields).flatMap(([field, target]) => (target === null ? [] : [{ name: field, target }]))
  const inJson = own.get('fields') === 'jsonb'
  const selected = fields.map((f, i) => {
    if (inJson) return `t.fields ->> ${pg.escapeLiteral(f.name)} as f${i}`
    if (!own.has(f.name)) faults.push(`there is no field ${f.name}`)
    return `t.${pg.escapeIdentifier(f.name)}::text as f${i}`
  })
  const conditions = Object.entries(map.where ?? {}).map(([key, value]) => `${tag(key)} = $${parameters.push(value)}`)
  const station = tag(map.station.tag)
  const tags = new Set([time, 'tag_id', map.station.tag, ...Object.keys(map.where ?? {})])
  const known = (field: string): boolean => Object.hasOwn(map.fields, field)
  const left = inJson
    ? (
        await db.query<{ key: string }>(
          `select distinct jsonb_object_keys(fields) as key from (select fields from ${name} where fields is not null limit ${lookedAt}) as looked`,
        )
      ).rows.map((r) => r.key)
    : [...own].filter(([column, type]) => numeric.has(type) && !tags.has(column)).map(([column]) => column)
  const unmapped = left.filter((field) => !known(field))
  if (unmapped.length > 0) faults.push(`the mapping has no field ${unmapped.join(', ')}: name its metric, or null to leave it out`)
  if (fields.length === 0) faults.push('the mapping leaves every field out')
  if (faults.length > 0) throw new Error(`${schema}.${table}: ${faults.join('; ')}`)
  // Without a zone it is UTC, as Telegraf writes it.
  const at = own.get(time) === 'timestamp with time zone' ? `t.${pg.escapeIdentifier(time)}` : `t.${pg.escapeIdentifier(time)} at time zone 'UTC'`
  return {
    fields,
    parameters,
    sql: `select floor(extract(epoch from ${at}) * 1000)::float8 as ms, ${[`${station} as station`, ...selected].join(', ')}
      from ${name} t${apart.size > 0 ? ` left join ${pg.escapeIdentifier(schema)}.${pg.escapeIdentifier(`${table}${tagSuffix}`)} g on g.tag_id = t.tag_id` : ''}
      where ${[`${at} >= to_timestamp($${parameters.length + 1}::float8 / 1000)`, ...conditions].join(' and ')}
      order by t.${pg.escapeIdentifier(time)}`,
  }
}

async function columnsOf(db: Queryable, schema: string, table: string): Promise<Map<string, string>> {
  const { rows } = await db.query<{ name: string; type: string }>(
    'select column_name as name, data_type as type from information_schema.columns where table_schema = $1 and table_name = $2 order by ordinal_position',
    [schema, table],
  )
  return new Map(rows.map((r) => [r.name, r.type]))
}

export type TelegrafRow = { ms: number; station: string | null } & Record<`f${number}`, string | null>

const pageRows = 5000

/** Rows of a table by a cursor: no more than a page of them is in memory. Within a transaction. */
export async function* telegrafRows(db: Queryable, table: TelegrafTable, from: number): AsyncGenerator<TelegrafRow[]> {
  await db.query(`declare moving no scroll cursor for ${table.sql}`, [...table.parameters, from])
  for (;;) {
    const { rows } = await db.query<TelegrafRow>(`fetch forward ${pageRows} from moving`)
    if (rows.length === 0) return
    yield rows
  }
}

/** Every mapped field that a row has is a value. `line` counts rows. */
export function rowRecords(table: TelegrafTable, map: TelegrafMap, row: TelegrafRow, line: number): ImportRecord[] {
  const { station = '', ms } = row
  const code = map.station.values?.[station ?? ''] ?? station ?? ''
  return table.fields.flatMap(({ name, target }, i) => {
    const raw = row[`f${i}`]
    if (raw === null || raw === undefined) return []
    const text = (): string => JSON.stringify({ ms, [map.station.tag]: station, [name]: raw })
    return [{ line, text, station: code, metric: target.metric, time: ms, value: converted(raw, target) }]
  })
}
