import { once } from 'node:events'
import type { PoolClient } from 'pg'
import { from as copyFrom, to as copyTo } from 'pg-copy-streams'
import type { Queryable } from '../connection.ts'

export interface MovedTable {
  name: string
  quoted: string
  /** Without those that the database works out. */
  columns: readonly string[]
  /** Of a hypertable. */
  timeColumn: string | null
}

/** Our tables, whoever is referred to before who refers to it. */
export async function tablesToMove(db: Queryable): Promise<MovedTable[]> {
  const { rows: tables } = await db.query<MovedTable & { needs: string[] }>(
    `select c.relname as name, format('%I.%I', n.nspname, c.relname) as quoted,
       (select array_agg(quote_ident(a.attname) order by a.attnum) from pg_attribute a
        where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped and a.attgenerated = '') as columns,
       (select quote_ident(d.column_name) from timescaledb_information.dimensions d
        where d.hypertable_schema = n.nspname and d.hypertable_name = c.relname and d.dimension_number = 1) as "timeColumn",
       array(select f.relname::text from pg_constraint k join pg_class f on f.oid = k.confrelid
             where k.conrelid = c.oid and k.contype = 'f' and k.confrelid <> c.oid) as needs
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'public' and c.relkind = 'r' and c.relname <> 'schema_migration'
       and not exists (select from pg_depend d where d.objid = c.oid and d.classid = 'pg_class'::regclass and d.deptype = 'e')
     order by c.relname`,
  )
  const ordered: MovedTable[] = []
  for (let left = tables; left.length > 0; ) {
    const ready = left.filter((t) => !t.needs.some((need) => left.some((other) => other.name === need)))
    if (ready.length === 0) throw new Error(`tables refer to each other in a circle: ${left.map((t) => t.name).join(', ')}`)
    ordered.push(...ready.map(({ needs: _, ...table }) => table))
    left = left.filter((t) => !ready.some((r) => r.name === t.name))
  }
  return ordered
}

/** The embedded database gathers what a statement answers: no more than some megabytes at once. */
const blocksAtOnce = 1024
const [fewRows, manyRows] = [50_000, 300_000]
const hourS = 3600

/** Parts of a table as conditions, each to be answered whole. What a part had is told back, so that the next one fits. */
async function* partsOf(source: PoolClient, table: MovedTable): AsyncGenerator<string, void, number> {
  if (table.timeColumn === null) {
    const { rows } = await source.query<{ blocks: number }>("select (pg_relation_size($1::regclass) / current_setting('block_size')::bigint)::int as blocks", [
      table.quoted,
    ])
    for (let block = 0; block < (rows[0]?.blocks ?? 0); block += blocksAtOnce) yield `ctid >= '(${block},0)'::tid and ctid < '(${block + blocksAtOnce},0)'::tid`
    return
  }
  const { rows: chunks } = await source.query<{ from: number; to: number }>(
    `select extract(epoch from range_start)::float8 as from, extract(epoch from range_end)::float8 as to
     from timescaledb_information.chunks where hypertable_schema = 'public' and format('%I.%I', hypertable_schema, hypertable_name) = $1
     order by range_start`,
    [table.quoted],
  )
  let widthS = hourS
  for (const { from, to } of chunks)
    for (let at = from; at < to; ) {
      const end = Math.min(to, at + widthS)
      const rows = yield `${table.timeColumn} >= to_timestamp(${at}) and ${table.timeColumn} < to_timestamp(${end})`
      at = end
      if (rows < fewRows) widthS *= 2
      else if (rows > manyRows) widthS = Math.max(60, widthS / 2)
    }
}

const wordEveryMs = 4000

/**
 * Waits for something that the old database has no part in, and says a word to it now and then: the embedded one ends a transaction
 * that it has not heard of for 15 s.
 */
export async function awake<T>(source: PoolClient, work: Promise<T>): Promise<T> {
  let word: Promise<unknown> | null = null
  const timer = setInterval(() => {
    word ??= source.query('select 1').then(
      () => {
        word = null
      },
      // Whoever asks it next hears of it.
      () => {},
    )
  }, wordEveryMs)
  try {
    return await work
  } finally {
    clearInterval(timer)
    await word
  }
}

/** Copies what a query's parts answer into a table, as one COPY that never holds more than a part. Answers the rows. */
export async function copyParts(
  source: PoolClient,
  target: PoolClient,
  what: { columns: readonly string[]; from: string; to: string; parts: AsyncGenerator<string, void, number> },
  onRows: (rows: number) => void = () => {},
): Promise<number> {
  const columns = what.columns.join(', ')
  const into = target.query(copyFrom(`copy ${what.to} (${columns}) from stdin`))
  let fault: Error | undefined
  into.on('error', (error: Error) => {
    fault ??= error
  })
  const finished = once(into, 'finish')
  finished.catch(() => {})
  const write = async (chunks: readonly Buffer[]): Promise<void> => {
    for (const chunk of chunks) {
      if (fault !== undefined) throw fault
      if (!into.write(chunk)) await Promise.race([once(into, 'drain'), finished])
    }
  }
  let rows = 0
  try {
    for (let part = await what.parts.next(); part.done !== true; ) {
      const out = source.query(copyTo(`copy (select ${columns} from ${what.from} where ${part.value}) to stdout`))
      const chunks: Buffer[] = []
      for await (const chunk of out as AsyncIterable<Buffer>) chunks.push(chunk)
      await awake(source, write(chunks))
      rows += out.rowCount
      onRows(rows)
      part = await what.parts.next(out.rowCount)
    }
    into.end()
    await awake(source, finished)
    return rows
  } catch (error) {
    into.destroy()
    throw fault ?? error
  }
}

export const copyTable = (source: PoolClient, target: PoolClient, table: MovedTable, onRows?: (rows: number) => void): Promise<number> =>
  copyParts(source, target, { columns: table.columns, from: table.quoted, to: table.quoted, parts: partsOf(source, table) }, onRows)

/** One part. */
export async function* onePart(condition: string): AsyncGenerator<string, void, number> {
  yield condition
}
