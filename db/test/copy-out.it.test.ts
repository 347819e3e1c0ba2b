import { cancellable, createPool, type Pool } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { copyOut } from '../src/copy-out.ts'

let database: TestDatabase
let pool: Pool
beforeAll(async () => {
  database = await freshDatabase({ bare: true })
  pool = createPool({ connectionString: database.url, applicationName: 'test', max: 1 })
})
afterAll(async () => {
  await pool?.end()
  await database?.stop()
})

/** One int4 a row, or null. */
const take = (into: (number | null)[], bytes: DataView, at: number): unknown => into.push(bytes.getInt32(at) < 0 ? null : bytes.getInt32(at + 4))
const numbers = (query: string, db: Parameters<typeof copyOut>[0] = pool): Promise<(number | null)[]> => copyOut(db, query, () => [], take)

describe('rows of COPY as they come', () => {
  it('gives every row once and in its order, of many and of none, through a pool and a cancellable one', async () => {
    const many = Array.from({ length: 30_000 }, (_, i) => (i % 1000 === 7 ? null : i))
    const query = 'select case when i % 1000 = 7 then null else i end::int from generate_series(0, 29999) i'
    for (const db of [pool, cancellable(pool, new AbortController().signal)]) {
      expect(await numbers(query, db)).toEqual(many)
      expect(await numbers('select 1::int where false', db)).toEqual([])
    }
  })

  it('fails with what the database says, and leaves a connection that answers', async () => {
    await expect(numbers('select 1 / (3 - i)::int from generate_series(1, 5) i')).rejects.toMatchObject({ code: '22012' })
    await expect(numbers('select from nowhere')).rejects.toMatchObject({ code: '42P01' })
    expect(await numbers('select 5::int')).toEqual([5])
  })

  it('fails with what the reader throws, once all rows have come', async () => {
    const broken = copyOut(
      pool,
      'select i::int from generate_series(1, 5000) i',
      () => null,
      () => {
        throw new RangeError('a row of another kind')
      },
    )
    await expect(broken).rejects.toThrow('a row of another kind')
    expect(await numbers('select 6::int')).toEqual([6])
  })

  it('is not begun for who has gone', async () => {
    await expect(numbers('select 1::int', cancellable(pool, AbortSignal.abort(new Error('gone'))))).rejects.toThrow('gone')
    expect(await numbers('select 7::int')).toEqual([7])
  })

  it('fails when the driver’s time is up', async () => {
    const hasty = createPool({ connectionString: database.url, applicationName: 'test', max: 1, queryTimeoutMs: 50 })
    try {
      await expect(numbers('select 1::int from pg_sleep(1)', hasty)).rejects.toThrow('Query read timeout')
    } finally {
      await hasty.end()
    }
  })

  it('begins anew where a connection broke under it and it is asked again', async () => {
    // One that breaks after its first rows, as a server that goes does; the driver's error of a connection that ended.
    let asked = 0
    const breaking = {
      connect: async () => {
        const client = await pool.connect()
        asked += 1
        if (asked > 1) return client
        const { query } = client
        client.query = ((...question: unknown[]) => {
          const [copy, answer] = question as [{ handleCopyData(m: { chunk: Buffer }): void; submit(c: unknown): void }, (e: Error) => void]
          copy.submit({ query: () => {} })
          copy.handleCopyData({ chunk: Buffer.from('PGCOPY\n\xff\r\n\0\0\0\0\0\0\0\0\0\0\x01\0\0\0\x04\0\0\0\x01', 'latin1') })
          client.query = query
          answer(Object.assign(new Error('gone'), { code: 'ECONNRESET' }))
        }) as unknown as typeof query
        return client
      },
    } as unknown as Pool
    expect(await numbers('select i::int from generate_series(1, 3) i', cancellable(breaking, new AbortController().signal))).toEqual([1, 2, 3])
    expect(asked).toBe(2)
  })
})
