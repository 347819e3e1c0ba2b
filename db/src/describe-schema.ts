import type { Queryable } from './connection.ts'

/**
 * The schema as text, out of the catalogues: what a reader needs and the gate compares with `db/schema.sql`. The same on
 * the embedded database and on a server, whatever the versions print differently by themselves.
 */
export async function describeSchema(db: Queryable): Promise<string> {
  const text = async (sql: string): Promise<string[]> => (await db.query<{ line: string }>(sql)).rows.map((r) => r.line)
  const tables = await text(`
    select format(E'create table %I (\\n%s\\n);', c.relname, string_agg(part, E',\\n' order by ord)) as line
    from pg_class c join lateral (
      select a.attnum as ord, format('  %I %s%s%s%s', a.attname, format_type(a.atttypid, a.atttypmod),
        case when a.attnotnull then ' not null' else '' end,
        case when a.attidentity = 'a' then ' generated always as identity' else '' end,
        case when a.attgenerated = 's' then format(' generated always as (%s) stored', pg_get_expr(d.adbin, d.adrelid))
             when d.adbin is not null then ' default ' || pg_get_expr(d.adbin, d.adrelid) else '' end) as part
      from pg_attribute a left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
      where a.attrelid = c.oid and a.attnum > 0 and not a.attisdropped
      union all
      select 10000 + row_number() over (order by con.contype desc, con.conname), format('  constraint %I %s', con.conname, pg_get_constraintdef(con.oid))
      from pg_constraint con where con.conrelid = c.oid and con.contype in ('p', 'u', 'c', 'f')
    ) parts on true
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and c.relname <> 'schema_migration'
    group by c.relname order by c.relname`)
  const indexes = await text(`
    select pg_get_indexdef(i.indexrelid) || ';' as line from pg_index i join pg_class c on c.oid = i.indrelid
    where c.relnamespace = 'public'::regnamespace and c.relname <> 'schema_migration'
      and not exists (select from pg_constraint where conindid = i.indexrelid)
    order by 1`)
  const hypertables = await text(`
    select format('-- hypertable %s by %s, chunks of %s%s', h.hypertable_name, d.column_name, d.time_interval,
      case when h.compression_enabled then ', columnstore' else '' end) as line
    from timescaledb_information.hypertables h
    join timescaledb_information.dimensions d using (hypertable_schema, hypertable_name)
    where h.hypertable_schema = 'public' order by 1`)
  const views = await text(`
    select format(E'-- continuous aggregate %s%s\\n%s', view_name, case when materialized_only then '' else ', real-time' end, view_definition) as line
    from timescaledb_information.continuous_aggregates order by view_name`)
  const forAnalysts = await text(`
    select format(E'-- %s\\n--   %s', c.oid::regclass, string_agg(format('%I %s', a.attname, format_type(a.atttypid, a.atttypmod)), ', ' order by a.attnum)) as line
    from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attnum > 0
    where c.relnamespace = 'analyst'::regnamespace and c.relkind = 'v' group by c.oid, c.relname order by c.relname`)
  const jobs = await text(`
    select format('-- every %s: %s %s %s', schedule_interval, proc_name, coalesce(hypertable_name, ''),
      coalesce((select string_agg(key || '=' || value, ' ' order by key) from jsonb_each_text(config)
        where key in ('start_offset', 'end_offset', 'compress_after', 'relation', 'keep_days')), '')) as line
    from (
      select j.schedule_interval, j.proc_name, coalesce(c.view_name, j.hypertable_name) as hypertable_name, j.config
      from timescaledb_information.jobs j
      left join timescaledb_information.continuous_aggregates c
        on c.materialization_hypertable_name = j.hypertable_name or c.view_name = j.hypertable_name
      where j.proc_name in ('policy_refresh_continuous_aggregate', 'policy_compression', 'retire', 'retire_records', 'roll_up_districts', 'refresh_asked')
    ) jobs order by 1`)
  const triggers = await text(`
    select pg_get_triggerdef(t.oid) || ';' as line from pg_trigger t join pg_class c on c.oid = t.tgrelid
    where c.relnamespace = 'public'::regnamespace and not t.tgisinternal and t.tgname not like 'ts\\_%' order by 1`)
  const section = (title: string, parts: string[], join = '\n'): string => `-- ${title}\n\n${parts.join(join)}\n`
  return [
    '-- Written from a migrated database by the schema test (UPDATE_SCHEMA=1): to be read, not to be run.\n',
    section('tables', tables, '\n\n'),
    section('indexes', indexes),
    section('triggers', triggers),
    section('hypertables', hypertables),
    // PostgreSQL 15 names the table before each column, later ones do not.
    section(
      'roll-ups',
      views.map((v) => v.replace(/\breading(_1m|_15m)?\./g, '')),
      '\n\n',
    ),
    section('views for analysts', forAnalysts),
    section('policies', jobs),
  ].join('\n')
}
