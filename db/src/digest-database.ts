import type { Queryable } from './connection.ts'

/** What a table or roll-up holds, in two numbers: equal ones hold the same rows, in whatever order. */
export interface TableDigest {
  name: string
  rows: number
  /** Sum of the hashes of the rows. */
  digest: string
}

/**
 * Every table by name, and of every continuous aggregate what is worked out of it: the rest is worked out as it is read, and a sum
 * in another order is another last digit. Views besides are made of these.
 */
export async function digestDatabase(db: Queryable): Promise<TableDigest[]> {
  const { rows: names } = await db.query<{ name: string; quoted: string }>(
    `select c.relname as name, format('%I.%I', n.nspname, c.relname) as quoted
     from pg_class c join pg_namespace n on n.oid = c.relnamespace
     where n.nspname = 'public' and c.relkind = 'r'
       -- What an extension brings is no data of ours.
       and not exists (select from pg_depend d where d.objid = c.oid and d.classid = 'pg_class'::regclass and d.deptype = 'e')
     union all
     select view_name, format('%I.%I', materialization_hypertable_schema, materialization_hypertable_name)
     from timescaledb_information.continuous_aggregates where view_schema = 'public'
     order by 1`,
  )
  const digests: TableDigest[] = []
  for (const { name, quoted } of names) {
    const { rows } = await db.query<Omit<TableDigest, 'name'>>(
      `select count(*)::float8 as rows, coalesce(sum(hashtextextended(t::text, 0)::numeric), 0)::text as digest from ${quoted} t`,
    )
    if (rows[0]) digests.push({ name, ...rows[0] })
  }
  return digests
}
