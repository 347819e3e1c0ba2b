-- What the roles of ingest and server (docs/adr/0020) may not do themselves and yet need.

-- Spans that are to be worked out again, for who does not own the roll-ups: TimescaleDB has only their owner refresh them, in a
-- procedure that commits, which no function with the owner's rights may call.
create table refresh_request (
  id       bigint generated always as identity primary key,
  relation text not null check (relation in ('reading_1m', 'reading_15m', 'reading_1h', 'reading_1d', 'district_1h')),
  since    timestamptz not null,
  until    timestamptz not null,
  asked_at timestamptz not null default now(),
  check (since < until)
);

-- Works the list off, in its order. Never from where the source is gone: the roll-up would be emptied.
create procedure refresh_asked(job_id integer, config jsonb) language plpgsql as $$
declare
  asked refresh_request;
  floor timestamptz;
begin
  loop
    select * into asked from refresh_request order by id limit 1;
    exit when not found;
    select max(gone_before) into floor from tier
    where case when asked.relation = 'district_1h' then 'reading_1h' else asked.relation end = any(coarser);
    if greatest(asked.since, floor) < asked.until then
      if asked.relation = 'district_1h' then perform work_out_districts(greatest(asked.since, floor), asked.until);
      else call refresh_continuous_aggregate(asked.relation::regclass, greatest(asked.since, floor), asked.until);
      end if;
    end if;
    delete from refresh_request where id = asked.id;
    commit;
  end loop;
end $$;

-- Not often by itself: who asks wakes it.
select add_job('refresh_asked', interval '1 hour', initial_start => now() + interval '1 hour');

create function wake_refreshes() returns void language plpgsql security definer set search_path = public, pg_temp as $$
begin
  perform alter_job(job_id, next_start => now()) from timescaledb_information.jobs where proc_schema = 'public' and proc_name = 'refresh_asked';
end $$;

-- The lock that it takes is no right of those who only add a station.
alter function refuse_feeder_circle() security definer set search_path = public, pg_temp;
