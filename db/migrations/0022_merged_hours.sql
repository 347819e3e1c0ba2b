-- A year of hours lies in 27 chunks, and to plan a question over them takes longer than to answer it. So what is in the columnstore of a span
-- of months becomes one chunk when all of it is, and what is packed of a point lies together in it (docs/adr/0024). Whoever reads these chunks waits meanwhile: six
-- and eight seconds for 84 days of 10,000 points.
create procedure merge_hours(job_id integer, config jsonb) language plpgsql as $$
declare
  width interval := (config ->> 'days')::integer * interval '1 day';
  chunks regclass[];
  packed regclass;
  by_point name;
begin
  loop
    -- The oldest whole span of which there is more than one chunk, and no time between them that has none.
    select array_agg(format('%I.%I', c.chunk_schema, c.chunk_name)::regclass order by c.range_start) into chunks
    from timescaledb_information.chunks c
    join timescaledb_information.continuous_aggregates a
      on a.materialization_hypertable_schema = c.hypertable_schema and a.materialization_hypertable_name = c.hypertable_name
    where a.view_name = 'reading_1h'
    group by date_bin(width, c.range_start, 'epoch')
    having count(*) > 1 and bool_and(c.is_compressed) and max(c.range_end) - min(c.range_start) = sum(c.range_end - c.range_start)
      and max(c.range_end) <= date_bin(width, min(c.range_start), 'epoch') + width
      and date_bin(width, min(c.range_start), 'epoch') + width <= now() - interval '8 days'
    order by min(c.range_start) limit 1;
    exit when chunks is null;
    -- Who waits for us has others wait behind: rather tomorrow.
    perform set_config('lock_timeout', '5s', true);
    call merge_chunks(chunks);
    commit;
    select format('%I.%I', p.schema_name, p.table_name)::regclass into packed
    from _timescaledb_catalog.chunk c join _timescaledb_catalog.chunk p on p.id = c.compressed_chunk_id
    where format('%I.%I', c.schema_name, c.table_name)::regclass = chunks[1];
    select c.relname into by_point from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = packed order by 1 limit 1;
    if by_point is not null then
      perform set_config('lock_timeout', '5s', true);
      execute format('cluster %s using %I', packed, by_point);
      commit;
    end if;
  end loop;
end $$;

-- At night, in the city's own zone. The embedded database serves nobody while it merges.
select add_job('merge_hours', interval '1 day', config => '{"days": 84}',
  initial_start => (date_trunc('day', now() at time zone zone) + interval '27 hours') at time zone zone)
from (select coalesce((select t.zone from tier t where t.name = '1d'), 'Asia/Shanghai') as zone) z
where version() not like '%emcc%';
