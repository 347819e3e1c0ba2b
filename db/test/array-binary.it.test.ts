import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { float8Array, int2Array, int4Array, timestamptzArray } from '../src/array-binary.ts'
import { createPool, type Pool } from '../src/connection.ts'
import { freshDatabase, type TestDatabase } from '../testing/index.ts'

describe('an array in binary', () => {
  let database: TestDatabase
  let pool: Pool
  beforeAll(async () => {
    database = await freshDatabase()
    pool = createPool({ connectionString: database.url, applicationName: 'test' })
  })
  afterAll(async () => {
    await pool?.end()
    await database?.stop()
  })

  it('is what the database reads, element by element', async () => {
    const sent = {
      int2: [0, -32_768, 32_767],
      int4: [1, -(2 ** 31), 2 ** 31 - 1],
      float8: [0.1, -0, 1e300],
      times: [0, -1, 1_764_073_510_123],
    }
    const { rows } = await pool.query(`select * from unnest($1::smallint[], $2::int[], $3::float8[], $4::timestamptz[]) as u(int2, int4, float8, time)`, [
      int2Array(sent.int2),
      int4Array(sent.int4),
      float8Array(sent.float8),
      timestamptzArray(sent.times),
    ])
    expect(rows).toEqual([0, 1, 2].map((i) => ({ int2: sent.int2[i], int4: sent.int4[i], float8: sent.float8[i], time: sent.times[i] })))
  })

  it('may be empty', async () => {
    const { rows } = await pool.query('select cardinality($1::int[]) as n, cardinality($2::timestamptz[]) as m', [int4Array([]), timestamptzArray([])])
    expect(rows).toEqual([{ n: 0, m: 0 }])
  })
})
