import { despiteGoneChunks } from './chunk-gone.ts'
import type { Queryable } from './connection.ts'

export interface TableStorage {
  name: string
  kind: 'hypertable' | 'roll-up'
  /** In the columnstore as counted when they went in, the others about, by the planner's statistics. */
  rows: number
  chunks: number
  columnstoreChunks: number
  /** Table, indexes and columnstore. */
  bytes: number
  /** What the chunks of the columnstore had before and have now; null: none is in it. */
  columnstore: { beforeBytes: number; afterBytes: number } | null
  /** Span of its chunks, epoch ms; null: it has none. */
  from: number | null
  to: number | null
  /** Of a roll-up: up to where it is worked out, epoch ms. What is newer is worked out as it is read. */
  workedOutTo: number | null
}

/** Sizes of every hypertable and roll-up. */
export const loadStorage = (db: Queryable): Promise<TableStorage[]> => despiteGoneChunks(() => load(db))

async function load(db: Queryable): Promise<TableStorage[]> {
  const { rows } = await db.query<Omit<TableStorage, 'columnstore'> & { beforeBytes: number | null; afterBytes: number | null }>(
    `with tables as (
       select h.hypertable_name::text as name, 'hypertable' as kind, format('%I.%I', h.hypertable_schema, h.hypertable_name)::regclass as rel,
              h.hypertable_schema as schema, h.hypertable_name as hypertable, null::int as mat
       from timescaledb_information.hypertables h where h.hypertable_schema = 'public'
       union all
       select c.view_name, 'roll-up', format('%I.%I', c.materialization_hypertable_schema, c.materialization_hypertable_name)::regclass,
              c.materialization_hypertable_schema, c.materialization_hypertable_name, h.id
       from timescaledb_information.continuous_aggregates c
       join _timescaledb_catalog.hypertable h on h.schema_name = c.materialization_hypertable_schema and h.table_name = c.materialization_hypertable_name
     )
     select t.name, t.kind, s.rows, s.chunks, s."columnstoreChunks", hypertable_size(t.rel)::float8 as bytes,
            z.before_compression_total_bytes::float8 as "beforeBytes", z.after_compression_total_bytes::float8 as "afterBytes", s.from, s.to,
            case when t.mat is not null and s.chunks > 0 then _timescaledb_functions.to_timestamp(_timescaledb_functions.cagg_watermark(t.mat)) end as "workedOutTo"
     from tables t
     cross join lateral (
       select count(*)::int as chunks, count(*) filter (where is_compressed)::int as "columnstoreChunks", min(range_start) as from, max(range_end) as to,
              coalesce(sum(coalesce(z.numrows_pre_compression, 0) + greatest(p.reltuples, 0)), 0)::float8 as rows
       from timescaledb_information.chunks c
       join _timescaledb_catalog.chunk k on k.schema_name = c.chunk_schema and k.table_name = c.chunk_name
       join pg_class p on p.oid = format('%I.%I', c.chunk_schema, c.chunk_name)::regclass
       left join _timescaledb_catalog.compression_chunk_size z on z.chunk_id = k.id
       where c.hypertable_schema = t.schema and c.hypertable_name = t.hypertable
     ) s
     left join lateral hypertable_compression_stats(t.rel) z on true
     order by t.kind, bytes desc, t.name`,
  )
  return rows.map(({ beforeBytes, afterBytes, ...table }) => ({
    ...table,
    columnstore: beforeBytes !== null && afterBytes !== null && afterBytes > 0 ? { beforeBytes, afterBytes } : null,
  }))
}
