-- Readings of a span are found by BRIN in place of a btree: rows come nearly in the order of their time, so that a page's times lie close together,
-- and a btree over them was a quarter of what storing a row takes and of the room that it has until it is in the columnstore.
create index reading_times on reading using brin (observed_at) with (pages_per_range = 32);
drop index reading_observed_at_idx;

-- Pages that are new are read by every question until they are summarized. autovacuum would do it when it comes by, and the embedded
-- database has none.
create procedure summarize_readings(job_id integer, config jsonb) language plpgsql as $$
declare
  own record;
begin
  for own in
    select i.indexrelid as oid from timescaledb_information.chunks c
    join pg_index i on i.indrelid = format('%I.%I', c.chunk_schema, c.chunk_name)::regclass
    join pg_class k on k.oid = i.indexrelid join pg_am m on m.oid = k.relam and m.amname = 'brin'
    where c.hypertable_schema = 'public' and c.hypertable_name = 'reading' and not c.is_compressed
  loop
    perform brin_summarize_new_values(own.oid);
    commit;
  end loop;
end $$;

select add_job('summarize_readings', interval '1 minute');
