-- What is written down of readings beside them goes with the days that are configured, and was kept for ever until now: what was
-- refused, values in conflict, the account by minute, hours that were repaired, notices, why readings are uncertain.

-- The table of readings is kept so many days, and marks say something of readings only.
create procedure retire_records(job_id integer, config jsonb) language plpgsql as $$
declare
  before timestamptz := now() - (config ->> 'keep_days')::integer * interval '24 hours';
  marks_before timestamptz := now() - (config ->> 'keep_raw_days')::integer * interval '24 hours';
  since timestamptz;
begin
  if before is not null then
    perform drop_chunks('rejection', older_than => before);
    commit;
    perform drop_chunks('reading_conflict', older_than => before);
    commit;
    -- A day at a time, so that nobody waits for the lock of months.
    loop
      select min(minute) into since from ingest_balance;
      exit when since is null or since >= before;
      delete from ingest_balance where minute < least(before, since + interval '24 hours');
      commit;
    end loop;
    delete from correction where at < before;
    commit;
    delete from notice where created_at < before;
    commit;
  end if;
  if marks_before is not null then perform drop_chunks('quality_mark', older_than => marks_before); end if;
end $$;
