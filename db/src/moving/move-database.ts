import type { PoolClient } from 'pg'
import { createPool, type Pool, type Queryable } from '../connection.ts'
import { digestDatabase, type TableDigest } from '../digest-database.ts'
import { migrate, migrationStatus } from '../migrate.ts'
import { refreshRollups } from '../refresh-rollups.ts'
import type { TierSettings } from '../settle-tiers.ts'
import { awake, copyParts, copyTable, type MovedTable, onePart, tablesToMove } from './copy-tables.ts'

export interface MoveOptions {
  from: string
  to: string
  tiers: TierSettings
  say: (line: string) => void
}
export interface MovedDigest {
  name: string
  from: string
  to: string
  same: boolean
}
export interface Moved {
  tables: MovedDigest[]
  rollUps: MovedDigest[]
  /** Hours that the old database had not worked out again: its roll-ups may say less. */
  dirtyHours: number
}

/** What the migrations themselves put in. */
const preset = ['tier', 'district_tier', 'meter_tier', 'reading_form']
const workedOut = ['district_1h', 'district_day', 'district_tier']
const rollUps = ['reading_1m', 'reading_15m', 'reading_1h', 'reading_1d'] as const
const sayEveryMs = 2000
const dayMs = 86_400_000

/**
 * Moves a whole database into an empty one: the schema by the migrations, every table by COPY out of one snapshot into one
 * transaction, which is committed when both have the same digests. Then the roll-ups are worked out.
 */
export async function moveDatabase({ from, to, tiers, say }: MoveOptions): Promise<Moved> {
  const { pending } = await migrationStatus(from)
  if (pending.length > 0) throw new Error(`the database to be moved is of an older version: npm run db -- migrate brings it up first (${pending.join(', ')})`)
  const source = createPool({ connectionString: from, applicationName: 'yiping-move', max: 1 })
  const target = createPool({ connectionString: to, applicationName: 'yiping-move', max: 2 })
  try {
    const filled = await filledTables(target)
    const old = await source.connect()
    let broken: Error | undefined
    try {
      const zone = (await old.query<{ zone: string | null }>("select zone from tier where name = '1d'")).rows[0]?.zone ?? tiers.zone
      if (zone !== tiers.zone) say(`days are those of ${zone}, as in the old database: set CITY_TIMEZONE to it`)
      const settings = { ...tiers, zone }
      if (filled.length === 0) {
        await migrate(to, say, settings)
        say('the schema is there')
      }
      await old.query('begin isolation level repeatable read, read only')
      await old.query("set local timezone = 'UTC'")
      const digests = filled.length === 0 ? await copyAll(old, target, say) : await compareFilled(old, target, filled)
      const facts = await rollUpFacts(old)
      const { rows } = await old.query<{ hours: number }>('select count(distinct hour)::int as hours from dirty_range')
      await old.query('rollback')
      await target.query('analyze')
      await workOut(target, say)
      // Policies follow from what the tiers of before had dropped.
      await migrate(to, say, settings)
      const now = await rollUpFacts(target)
      return {
        tables: digests,
        rollUps: rollUps.map((name, i) => ({ name, from: facts[i] ?? '', to: now[i] ?? '', same: facts[i] === now[i] })),
        dirtyHours: rows[0]?.hours ?? 0,
      }
    } catch (error) {
      broken = error instanceof Error ? error : new Error(String(error))
      throw error
    } finally {
      old.release(broken)
    }
  } finally {
    await source.end()
    await target.end()
  }
}

/** Tables of the database that is to be filled in which there is something already. Foreign tables are not moved in beside. */
async function filledTables(target: Pool): Promise<string[]> {
  const { rows } = await target.query<{ name: string; quoted: string; ours: boolean }>(
    `select c.relname as name, format('%I.%I', n.nspname, c.relname) as quoted, to_regclass('public.schema_migration') is not null as ours
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'public' and c.relkind in ('r', 'p')
       and not exists (select from pg_depend d where d.objid = c.oid and d.classid = 'pg_class'::regclass and d.deptype = 'e')`,
  )
  if (rows.some((r) => !r.ours)) throw new Error(`the database to move to has tables of its own (${rows.map((r) => r.name).join(', ')}): give it an empty one`)
  const filled: string[] = []
  for (const { name, quoted } of rows) {
    if (preset.includes(name) || name === 'schema_migration') continue
    const found = await target.query<{ filled: boolean }>(`select exists (select from ${quoted}) as filled`)
    if (found.rows[0]?.filled === true) filled.push(name)
  }
  return filled
}

async function copyAll(old: PoolClient, target: Pool, say: (line: string) => void): Promise<MovedDigest[]> {
  const client = await target.connect()
  let broken: Error | undefined
  try {
    await client.query('begin')
    await client.query("set local timezone = 'UTC'")
    for (const name of preset) await client.query(`delete from ${name}`)
    for (const table of await tablesToMove(old)) await copyAndSay(old, client, table, say)
    await copyGone(old, client, say)
    await setSequences(old, client)
    say('comparing')
    const from = await digestDatabase(old)
    const digests = compare(from, await awake(old, digestDatabase(client)))
    const other = digests.filter((d) => !d.same)
    if (other.length > 0) throw new Error(`nothing is moved: ${other.map((d) => `${d.name} is ${d.to} in place of ${d.from}`).join('; ')}`)
    await awake(old, client.query('commit'))
    say('every table is there')
    return digests
  } catch (error) {
    broken = error instanceof Error ? error : new Error(String(error))
    throw error
  } finally {
    // A transaction that is broken ends with its connection.
    client.release(broken)
  }
}

async function copyAndSay(old: PoolClient, client: PoolClient, table: MovedTable, say: (line: string) => void): Promise<void> {
  const started = Date.now()
  let said = started
  const rows = await copyTable(old, client, table, (n) => {
    if (Date.now() - said < sayEveryMs) return
    said = Date.now()
    say(`${table.name}: ${n} rows, ${Math.round(n / ((said - started) / 1000))} rows/s`)
  })
  if (rows > 0) say(`${table.name}: ${rows} rows`)
}

/** What roll-ups keep of readings that are gone cannot be worked out again. */
async function copyGone(old: PoolClient, client: PoolClient, say: (line: string) => void): Promise<void> {
  const { rows } = await old.query<{ view: string; finer: number; quoted: string; columns: string[] }>(
    `select c.view_name as view, extract(epoch from t.gone_before)::float8 as finer,
       format('%I.%I', c.materialization_hypertable_schema, c.materialization_hypertable_name) as quoted,
       (select array_agg(quote_ident(a.attname) order by a.attnum) from pg_attribute a
        where a.attrelid = format('%I.%I', c.materialization_hypertable_schema, c.materialization_hypertable_name)::regclass and a.attnum > 0 and not a.attisdropped) as columns
     from timescaledb_information.continuous_aggregates c
     join tier t on t.name = case c.view_name when 'reading_1m' then 'raw' when 'reading_15m' then '1m' else '15m' end
     where c.view_schema = 'public' and t.gone_before is not null`,
  )
  for (const { view, finer, quoted, columns } of rows) {
    const { rows: there } = await client.query<{ quoted: string }>(
      `select format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name) as quoted
       from timescaledb_information.continuous_aggregates where view_schema = 'public' and view_name = $1`,
      [view],
    )
    const to = there[0]?.quoted ?? ''
    const copied = await copyParts(old, client, { columns, from: quoted, to, parts: onePart(`bucket < to_timestamp(${finer})`) })
    say(`${view}: ${copied} rows of readings that are gone`)
  }
}

/** The next number of every table is the one that it would have been. */
async function setSequences(old: PoolClient, client: PoolClient): Promise<void> {
  const { rows } = await old.query<{ sequence: string }>(
    `select pg_get_serial_sequence(format('%I.%I', n.nspname, c.relname), a.attname) as sequence
     from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'public' and c.relkind = 'r' and a.attidentity <> '' and not a.attisdropped`,
  )
  for (const { sequence } of rows) {
    const { rows: at } = await old.query<{ last: number; called: boolean }>(`select last_value as last, is_called as called from ${sequence}`)
    if (at[0]) await client.query('select setval($1::regclass, $2, $3)', [sequence, at[0].last, at[0].called])
  }
}

const said = ({ rows, digest }: TableDigest): string => `${rows} rows ${digest}`

function compare(from: readonly TableDigest[], to: readonly TableDigest[]): MovedDigest[] {
  return from
    .filter(({ name }) => name !== 'schema_migration' && !rollUps.some((r) => r === name))
    .map((d) => {
      const other = to.find((t) => t.name === d.name)
      return { name: d.name, from: said(d), to: other ? said(other) : 'not there', same: other?.rows === d.rows && other.digest === d.digest }
    })
}

/** A move that was broken off behind its copy goes on; whatever else is in there is nobody's to be moved over. */
async function compareFilled(old: PoolClient, target: Pool, filled: readonly string[]): Promise<MovedDigest[]> {
  const { rows } = await target.query<{ same: boolean }>("select to_regclass('public.station') is not null as same")
  // The city by district is worked out anew behind the copy.
  const digests =
    rows[0]?.same === true ? compare(await digestDatabase(old), await awake(old, digestDatabase(target))).filter((d) => !workedOut.includes(d.name)) : []
  if (digests.length === 0 || digests.some((d) => !d.same))
    throw new Error(`the database to move to is not empty (${filled.slice(0, 5).join(', ')}${filled.length > 5 ? ', …' : ''}): give it an empty one`)
  return digests
}

async function workOut(target: Pool, say: (line: string) => void): Promise<void> {
  const { rows } = await target.query<{ from: number | null; to: number | null; small: boolean }>(
    `select extract(epoch from min(range_start))::float8 * 1000 as from, least(extract(epoch from max(range_end))::float8, extract(epoch from now())::float8) * 1000 as to,
       version() like '%emcc%' as small
     from timescaledb_information.chunks where hypertable_schema = 'public' and hypertable_name = 'reading'`,
  )
  const [span] = rows
  if (!span || span.from === null || span.to === null) return
  let told = Date.now()
  await refreshRollups(
    target,
    span.from,
    span.to,
    (done, of) => {
      if (Date.now() - told < sayEveryMs) return
      told = Date.now()
      say(`roll-ups: ${done} of ${of}`)
    },
    span.small ? dayMs / 24 : dayMs,
  )
  say('roll-ups are worked out')
}

/** Of each roll-up what is the same however it was worked out: sums in another order have another last digit. */
async function rollUpFacts(db: Queryable): Promise<string[]> {
  const facts: string[] = []
  for (const view of rollUps) {
    const { rows } = await db.query<{ said: string }>(
      `select concat_ws(' ', count(*), 'buckets', coalesce(sum(count), 0), 'readings', coalesce(sum(bad), 0), 'bad', min(min), 'to', max(max)) as said from ${view}`,
    )
    facts.push(rows[0]?.said ?? '')
  }
  return facts
}

/** What a move came to; false where something differs for no known reason. */
export function tellMove({ tables, rollUps, dirtyHours }: Moved, print: (line: string) => void): boolean {
  for (const { name, from, to, same } of [...tables, ...rollUps]) print(`${same ? '=' : '≠'} ${name.padEnd(24)} ${same ? from : `${from} → ${to}`}`)
  const differ = rollUps.filter((r) => !r.same)
  if (differ.length > 0 && dirtyHours > 0) print(`the old database had ${dirtyHours} hours still to be worked out again: the new one has them`)
  return differ.length === 0 || dirtyHours > 0
}
