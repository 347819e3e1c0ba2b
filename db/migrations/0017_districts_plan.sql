-- Roll-ups that have just been written have no statistics: the planner took an hour of 5,000 points for one row, and compared each of
-- them with each of 10,000 points. Every join here is of many rows.
alter function work_out_districts(timestamptz, timestamptz) set enable_nestloop = off;
