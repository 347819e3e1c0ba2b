import type { Queryable } from '@yiping/db'
import { expect, it } from 'vitest'
import type { City } from '../src/live/city.ts'
import { Trends } from '../src/live/trends.ts'

const at = Date.parse('2026-11-25T12:00:00+08:00')
const minuteMs = 60_000
const city = { pointsOf: () => [{ id: 1 }] } as unknown as City

it('what was read earlier never stands over what was read later, however long the earlier reading takes', async () => {
  const answers: (() => void)[] = []
  // Each question is answered when the test says so, with the buckets up to its end.
  const db = {
    query: (_sql: string, [, from, to]: [unknown, number, number]) =>
      new Promise((resolve) => {
        const rows = Array.from({ length: Math.max(0, (to - from) / (5 * minuteMs)) }, (_, i) => ({
          ...{ t: from + i * 5 * minuteMs, mean: 1, low: 1, high: 1, count: 1 },
          ...{ offset: 0, median: 1, days: 0 },
        }))
        answers.push(() => resolve({ rows }))
      }),
  } as unknown as Queryable
  const trends = new Trends(db, 'Asia/Shanghai')
  const all = Promise.all([trends.reload(city, at), trends.follow(city, at + 10 * minuteMs), trends.follow(city, at + 40 * minuteMs)])
  let done = false
  void all.then(() => {
    done = true
  })
  while (!done) {
    // The one that was asked last is answered first.
    answers.pop()?.()
    await new Promise((resolve) => setImmediate(resolve))
  }
  const line = trends.cells.get('water')?.today
  expect(line?.t.at(-1)).toBe(at + 35 * minuteMs)
  expect(line?.t.length).toBe(12 * 12 + 8)
})
