import { describe, expect, test } from 'vitest'

import { until, useEmbedded } from './harness.ts'

const embedded = useEmbedded({
  maintenanceTickMs: 50,
  checkpointMs: 200,
  analyzeMs: 300,
  vacuumMs: 400,
})

describe('TimescaleDB jobs', () => {
  test('a continuous aggregate is refreshed by its policy, and again after new rows', async () => {
    const client = await embedded.connect()
    await client.query(`
      CREATE MATERIALIZED VIEW r1m WITH (timescaledb.continuous, timescaledb.materialized_only = true) AS
      SELECT time_bucket('1 minute', ts) AS bucket, count(*) AS n FROM reading GROUP BY 1 WITH NO DATA`)
    await client.query(`SELECT add_continuous_aggregate_policy('r1m', NULL, interval '1 minute', interval '1 second')`)
    const materialized = async () => (await client.query<{ n: number }>('SELECT coalesce(sum(n), 0)::int AS n FROM r1m')).rows[0]?.n
    for (const rows of [10, 20]) {
      await client.query(
        `INSERT INTO reading SELECT now() - interval '1 hour' + $1 * interval '1 s'
        + g * interval '1 ms', 1, g, 0 FROM generate_series(1, 10) AS g`,
        [rows],
      )
      await until(`${rows} rows in the aggregate`, async () => (await materialized()) === rows)
    }
    const planned = `SELECT FROM timescaledb_information.jobs
      WHERE proc_name = 'policy_refresh_continuous_aggregate' AND next_start > now() - interval '10 s'`
    await until('the next start to be written down', async () => (await client.query(planned)).rowCount === 1)
    await client.query('DROP MATERIALIZED VIEW r1m')
  })

  test('old chunks become columnstore, and older ones are dropped', async () => {
    const client = await embedded.connect()
    await client.query(`INSERT INTO reading SELECT now() - d * interval '1 day', 1, d, 0
      FROM unnest(ARRAY[0, 5, 30]) AS d`)
    await client.query(`ALTER TABLE reading SET (timescaledb.enable_columnstore, timescaledb.segmentby = 'sensor_id')`)
    await client.query(`CALL add_columnstore_policy('reading', after => interval '3 days')`)
    await client.query(`SELECT add_retention_policy('reading', interval '20 days')`)
    const chunks = async () =>
      (
        await client.query<{ compressed: boolean }>(
          `SELECT is_compressed AS compressed FROM timescaledb_information.chunks
           WHERE hypertable_name = 'reading' ORDER BY range_start`,
        )
      ).rows.map(({ compressed }) => compressed)
    await until('one compressed and one plain chunk', async () => `${await chunks()}` === 'true,false')
    expect((await client.query('SELECT value FROM reading ORDER BY 1')).rows).toEqual([{ value: 0 }, { value: 5 }])
  })

  test('whoever has asked while one job ran is served before the next', async () => {
    const client = await embedded.connect()
    await client.query('CREATE TABLE span (job int, began timestamptz, ended timestamptz)')
    await client.query(`CREATE PROCEDURE naps(job_id int, config jsonb) LANGUAGE plpgsql AS $$
      DECLARE began timestamptz := clock_timestamp();
      BEGIN PERFORM pg_sleep(0.3); INSERT INTO span VALUES (job_id, began, clock_timestamp()); END $$`)
    for (let i = 0; i < 3; i++) await client.query(`SELECT add_job('naps', '1 day', initial_start => now() + interval '1 day')`)
    await client.query(`SELECT alter_job(job_id, next_start => now()) FROM timescaledb_information.jobs WHERE proc_name = 'naps'`)
    const served: number[] = []
    await until('three runs', async () => {
      const { rows } = await client.query<{ at: number; runs: number }>(
        'SELECT extract(epoch FROM clock_timestamp())::float8 AS at, (SELECT count(*)::int FROM span) AS runs',
      )
      served.push(rows[0]?.at ?? 0)
      return rows[0]?.runs === 3
    })
    const { rows: spans } = await client.query<{ began: number; ended: number }>(
      'SELECT extract(epoch FROM began)::float8 AS began, extract(epoch FROM ended)::float8 AS ended FROM span ORDER BY began',
    )
    for (const [i, next] of spans.slice(1).entries()) expect(served.some((at) => at >= (spans[i]?.ended ?? 0) && at <= next.began)).toBe(true)
    await client.query(`SELECT delete_job(job_id) FROM timescaledb_information.jobs WHERE proc_name = 'naps'`)
    await client.query('DROP TABLE span')
  })

  test('a job that fails is reported and postponed, and the others run on', async () => {
    const client = await embedded.connect()
    await client.query(`CREATE PROCEDURE broken(job_id int, config jsonb) LANGUAGE plpgsql
      AS $$ BEGIN RAISE EXCEPTION 'out of luck'; END $$`)
    await client.query(`CREATE PROCEDURE works(job_id int, config jsonb) LANGUAGE sql
      AS $$ INSERT INTO t SELECT count(*), 'ran' FROM t $$`)
    await client.query(`SELECT add_job('broken', '1 hour')`)
    await client.query(`SELECT add_job('works', '100 ms', fixed_schedule => false)`)
    await until('three runs', async () => (await client.query('SELECT FROM t')).rowCount === 3)
    const report = await until('the report', () => embedded.lines.find((line) => line.includes('out of luck')))
    expect(report).toMatch(/^job \d+ failed: out of luck$/)
    const { rows } = await client.query(
      `SELECT next_start > now() + interval '1 min' AS postponed FROM timescaledb_information.jobs
       WHERE proc_name = 'broken'`,
    )
    expect(rows).toEqual([{ postponed: true }])
    expect((await embedded.database.stats()).jobFailures).toBe(1)
    await client.query(`SELECT delete_job(job_id) FROM timescaledb_information.jobs
      WHERE proc_name IN ('broken', 'works')`)
    await client.query('DROP PROCEDURE broken')
    await client.query('DROP PROCEDURE works')
  })

  test('a NOTIFY of a job reaches its listener', async () => {
    const client = await embedded.connect()
    const heard: (string | undefined)[] = []
    client.on('notification', ({ payload }) => heard.push(payload))
    await client.query('LISTEN news')
    await client.query(`CREATE PROCEDURE tells(job_id int, config jsonb) LANGUAGE sql AS $$ NOTIFY news, 'x' $$`)
    await client.query(`SELECT add_job('tells', '1 hour')`)
    await until('the notification', () => heard.length > 0)
    await client.query(`SELECT delete_job(job_id) FROM timescaledb_information.jobs WHERE proc_name = 'tells'`)
    await client.query('DROP PROCEDURE tells')
  })

  test('an open transaction is not run into', async () => {
    const client = await embedded.connect()
    await client.query('BEGIN')
    const before = await embedded.database.stats()
    await client.query(`SELECT pg_sleep(0.5)`) // several ticks
    expect((await embedded.database.stats()).checkpoints).toBe(before.checkpoints)
    await client.query('COMMIT')
  })
})

describe('the chores', () => {
  test('ANALYZE and VACUUM go over hypertables and plain tables', async () => {
    const client = await embedded.connect()
    await client.query(`INSERT INTO t SELECT g, 'x' FROM generate_series(1, 1000) AS g`)
    await client.query(`INSERT INTO reading SELECT now() + g * interval '1 s', 1, g, 0
      FROM generate_series(1, 1000) AS g`)
    await client.query('DELETE FROM t WHERE a > 500')
    const before = await embedded.database.stats()
    await until('both to have run', async () => {
      const { analyses, vacuums } = await embedded.database.stats()
      return analyses > before.analyses + 1 && vacuums > before.vacuums + 1
    })
    const { rows } = await client.query(
      `SELECT (SELECT reltuples FROM pg_class WHERE oid = 't'::regclass) AS plain,
              approximate_row_count('reading')::int AS hyper`,
    )
    expect(rows).toEqual([{ plain: 500, hyper: 1000 }])
    expect(embedded.lines.filter((line) => /ANALYZE|VACUUM/.test(line))).toEqual([])
  })
})
