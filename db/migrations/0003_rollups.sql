-- Roll-ups. Values of bad quality never enter an aggregate; how many there were is kept beside it.

create materialized view reading_1m
with (timescaledb.continuous, timescaledb.materialized_only = false) as
select
  point_id,
  time_bucket(interval '1 minute', observed_at) as bucket,
  min(value) filter (where quality < 2) as min,
  max(value) filter (where quality < 2) as max,
  sum(value) filter (where quality < 2) as sum,
  count(*) filter (where quality < 2) as count,
  first(value, observed_at) filter (where quality < 2) as first,
  last(value, observed_at) filter (where quality < 2) as last,
  count(*) filter (where quality >= 2) as bad
from reading
group by 1, 2
with no data;

create materialized view reading_1h
with (timescaledb.continuous, timescaledb.materialized_only = false) as
select
  point_id,
  time_bucket(interval '1 hour', bucket) as bucket,
  min(min) as min,
  max(max) as max,
  sum(sum) as sum,
  sum(count) as count,
  first(first, bucket) as first,
  last(last, bucket) as last,
  sum(bad) as bad
from reading_1m
group by 1, time_bucket(interval '1 hour', bucket)
with no data;

-- Left alone, a policy works bucket by bucket with a transaction for each: a day of them took 12 s on the embedded
-- database, which does nothing else meanwhile. In batches of hours it is one.

-- Live buckets soon; the end stays clear of now, so that a device with a fast clock cannot push the watermark past it.
select add_continuous_aggregate_policy('reading_1m',
  start_offset => interval '2 hours', end_offset => interval '2 minutes', schedule_interval => interval '1 minute', buckets_per_batch => 120);

-- Back-fill: whatever late rows have touched since, found by TimescaleDB's own invalidation log. Not more often: late
-- rows of one device have all points of those hours worked out again.
select add_continuous_aggregate_policy('reading_1m',
  start_offset => null, end_offset => interval '2 hours', schedule_interval => interval '15 minutes', buckets_per_batch => 120);

select add_continuous_aggregate_policy('reading_1h',
  start_offset => null, end_offset => interval '2 hours', schedule_interval => interval '30 minutes', buckets_per_batch => 24);
