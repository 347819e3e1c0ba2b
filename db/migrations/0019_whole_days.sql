-- The city's day that a dropped chunk ends in is worked out while it is whole. Days are made of hours as far as those are worked out, hours of
-- quarters and those of minutes: where no policy had come to them yet beyond the chunk, such a day lacked what lies there for ever. So each goes as far beyond as days do.
create or replace procedure retire(job_id integer, config jsonb) language plpgsql as $$
declare
  own tier;
  starts timestamptz[];
  ends timestamptz[];
  since timestamptz;
  view text;
begin
  select * into own from tier where relation = config ->> 'relation';
  select array_agg(c.range_start order by c.range_start), array_agg(c.range_end order by c.range_start) into starts, ends
  from timescaledb_information.chunks c
  left join timescaledb_information.continuous_aggregates a
    on a.materialization_hypertable_schema = c.hypertable_schema and a.materialization_hypertable_name = c.hypertable_name
  where coalesce(a.view_name, case when c.hypertable_schema = 'public' then c.hypertable_name end) = own.relation
    and c.range_end <= date_trunc('day', now(), 'UTC') - (config ->> 'keep_days')::integer * interval '24 hours';
  for i in 1 .. coalesce(cardinality(starts), 0) loop
    since := greatest(starts[i], own.gone_before);
    if since < ends[i] then
      foreach view in array own.coarser loop
        call refresh_continuous_aggregate(view::regclass, since, ends[i] + interval '48 hours');
      end loop;
      update tier set gone_before = ends[i] where name = own.name;
      own.gone_before := ends[i];
    end if;
    commit;
    perform drop_chunks(own.relation::regclass, older_than => ends[i]);
    commit;
  end loop;
end $$;
