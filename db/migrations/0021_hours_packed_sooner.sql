-- Hours go into the columnstore when late rows are rare, as minutes and quarters do, not after a month: rows of a point come hour by hour and lie
-- far from each other until then, and a year of a cold point had to fetch hundreds of blocks for its last weeks alone.
select alter_job(j.job_id, config => jsonb_set(j.config, '{compress_after}', '"8 days"'))
from timescaledb_information.jobs j
join timescaledb_information.continuous_aggregates c on j.hypertable_name in (c.view_name, c.materialization_hypertable_name)
where j.proc_name = 'policy_compression' and c.view_name = 'reading_1h' and j.config ->> 'compress_after' = '30 days';
