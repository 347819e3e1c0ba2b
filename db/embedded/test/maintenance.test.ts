import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { createMaintenance, isDue, piecesOf, startAfterFailure, startAfterSuccess, type Job } from '../maintenance.ts'
import { EngineError, type TextRow } from '../messages.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const START = Date.UTC(2026, 0, 1)

const far = { view: 'public.reading_1m', endOffsetMs: 2 * HOUR, startOffsetMs: null as number | null, oldestMs: null as number | null }
const job = (change: Partial<Job> = {}): Job => ({
  id: 1000,
  nextStartMs: null,
  intervalMs: MINUTE,
  retryMs: 5 * SECOND,
  fixedSchedule: false,
  far: null,
  ...change,
})

describe('when a job is due', () => {
  test('a new one at once, another one at its next start', () => {
    expect(isDue(job(), START)).toBe(true)
    expect(isDue(job({ nextStartMs: START }), START)).toBe(true)
    expect(isDue(job({ nextStartMs: START + 1 }), START)).toBe(false)
  })

  test('after a run the interval begins anew, unless the schedule is fixed', () => {
    expect(startAfterSuccess(job({ nextStartMs: START }), START, START + 7 * SECOND)).toBe(START + 7 * SECOND + MINUTE)
    const fixed = job({ nextStartMs: START, fixedSchedule: true })
    expect(startAfterSuccess(fixed, START, START + 7 * SECOND)).toBe(START + MINUTE)
    expect(startAfterSuccess(fixed, START, START + 3 * MINUTE + SECOND)).toBe(START + 4 * MINUTE)
  })

  test('a fixed schedule stays on its grid and is never in the past', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: DAY }), fc.integer({ min: 0, max: 400 * DAY }), (intervalMs, late) => {
        const fixed = job({ nextStartMs: START, intervalMs, fixedSchedule: true })
        const next = startAfterSuccess(fixed, START, START + late)
        expect((next - START) % intervalMs).toBe(0)
        expect(next).toBeGreaterThan(START + late)
        expect(next).toBeLessThanOrEqual(START + late + intervalMs)
      }),
    )
  })

  test('failures double the wait up to the schedule interval', () => {
    const waits = [1, 2, 3, 4, 5, 6, 7, 100].map((n) => startAfterFailure(job(), n, START) - START)
    expect(waits).toEqual([5, 10, 20, 40, 60, 60, 60, 60].map((s) => s * SECOND))
    expect(startAfterFailure(job({ intervalMs: 0, retryMs: 0 }), 1, START)).toBe(START + 1)
  })
})

/** A session that answers as a script says and writes down what it was asked, and when it was free. */
function makeSession(answers: (sql: string) => TextRow[]) {
  const asked: string[] = []
  let inside = 0
  return {
    asked,
    of: (start: string) => asked.filter((sql) => sql.startsWith(start)),
    exclusive: async <T>(work: (rows: (sql: string) => Promise<TextRow[]>) => Promise<T>): Promise<T> => {
      expect(++inside).toBe(1)
      try {
        return await work(async (sql) => {
          asked.push(sql.trim())
          return answers(sql.trim())
        })
      } finally {
        inside--
      }
    },
  }
}

function makeMaintenance(answers: (sql: string) => TextRow[]) {
  const session = makeSession(answers)
  const lines: string[] = []
  const maintenance = createMaintenance({
    session,
    log: (line) => lines.push(line),
    startedAtMs: START,
    checkpointMs: 30 * SECOND,
    analyzeMs: HOUR,
    vacuumMs: DAY,
  })
  return { session, lines, maintenance }
}

describe('the scheduler', () => {
  /** A database with two tables, whose WAL grows with each look at it. */
  function busyDatabase(sql: string): TextRow[] {
    if (sql.includes('pg_current_wal_insert_lsn')) return [[`0/${++lsn}`]]
    if (sql.includes('FROM pg_class')) return [['public.a'], ['public.b']]
    return []
  }
  let lsn = 0

  test('passes a day in no time: checkpoints, hourly ANALYZE, a VACUUM', async () => {
    const { session, maintenance } = makeMaintenance(busyDatabase)
    for (let now = START; now <= START + DAY; now += 5 * SECOND) await maintenance.tick(now)
    expect(maintenance.counters).toMatchObject({ checkpoints: DAY / (30 * SECOND), analyses: 24, vacuums: 1 })
    expect(session.of('CHECKPOINT')).toHaveLength(DAY / (30 * SECOND))
    expect(session.of('ANALYZE')).toHaveLength(48)
    expect(session.of('VACUUM')).toEqual(['VACUUM public.a', 'VACUUM public.b'])
  })

  test('writes no checkpoint when nothing was written since the last one', async () => {
    const { session, maintenance } = makeMaintenance((sql) => (sql.includes('pg_current_wal_insert_lsn') ? [['0/1']] : []))
    for (let now = START; now <= START + HOUR; now += 5 * SECOND) await maintenance.tick(now)
    expect(session.of('CHECKPOINT')).toHaveLength(1)
  })

  test('runs the jobs that are due, each by itself, and writes down their next start', async () => {
    const due = (nextStart: number | null): TextRow => ['1000', nextStart === null ? null : String(nextStart), '60000', '5000', 'f']
    let nextStart: number | null = null
    const { session, maintenance } = makeMaintenance((sql) => {
      if (sql.includes('timescaledb_information.jobs')) return [due(nextStart)]
      const planned = /next_start => to_timestamp\(([\d.]+)\)/.exec(sql)?.[1]
      if (planned !== undefined) nextStart = Number(planned) * 1_000
      return []
    })
    for (let now = START; now < START + 10 * MINUTE; now += 5 * SECOND) await maintenance.tick(now)
    expect(session.of('CALL')[0]).toBe('CALL public.run_job(1000)')
    // A minute from the end of each run, looked at every five seconds.
    expect(maintenance.counters.jobRuns).toBeGreaterThanOrEqual(9)
    expect(maintenance.counters.jobRuns).toBeLessThanOrEqual(10)
  })

  test('does a refresh that reaches far back hour by hour, newest first, each by itself, and then the job', async () => {
    const { session, maintenance } = makeMaintenance((sql) =>
      sql.includes('timescaledb_information.jobs') ? [['1002', '0', '900000', '5000', 'f', 'public.reading_1m', String(2 * HOUR), String(700 * DAY), '0']] : [],
    )
    await maintenance.tick(START + 5 * MINUTE)
    const calls = session.of('CALL')
    expect(calls[0]).toBe(
      `CALL public.refresh_continuous_aggregate('public.reading_1m', to_timestamp(${(START - 3 * HOUR) / 1000}), to_timestamp(${(START - 2 * HOUR) / 1000}))`,
    )
    expect(calls).toHaveLength(27)
    expect(calls.at(-1)).toBe('CALL public.run_job(1002)')
    const pieces = piecesOf({ far, nextStartMs: START }, START + 5 * MINUTE)
    expect(pieces).toHaveLength(26)
    for (const [i, { from, to }] of pieces.entries()) expect([from, to]).toEqual([START - (i + 3) * HOUR, START - (i + 2) * HOUR])
  })

  test('begins with the oldest rows at the first run of a refresh, and not before its start', () => {
    const first = (change: Partial<typeof far>) => piecesOf({ far: { ...far, ...change }, nextStartMs: null }, START + 5 * MINUTE)
    expect(first({ oldestMs: START - 50 * DAY })[0]).toEqual({ from: START - 50 * DAY, to: START - 50 * DAY + HOUR })
    expect(first({ oldestMs: START - 50 * DAY, startOffsetMs: 10 * DAY })[0]?.from).toBe(START - 10 * DAY + HOUR)
    expect(first({ oldestMs: START - 50 * DAY }).at(-1)?.to).toBe(START - 2 * HOUR)
    expect(first({ oldestMs: null })).toHaveLength(26)
  })

  test('leaves a refresh that cannot be done by the hour to the job', async () => {
    const { session, lines, maintenance } = makeMaintenance((sql) => {
      if (sql.includes('timescaledb_information.jobs')) return [['1003', null, '900000', '5000', 'f', 'public.reading_1d', '0']]
      if (sql.includes('refresh_continuous_aggregate')) throw new EngineError('refresh window too small', '22023')
      return []
    })
    await maintenance.tick(START)
    expect(session.of('CALL')).toHaveLength(2)
    expect(lines).toEqual([])
  })

  test('reports a failure, tries later, and does the rest meanwhile', async () => {
    const planned: number[] = []
    const { lines, maintenance } = makeMaintenance((sql) => {
      if (sql.includes('timescaledb_information.jobs'))
        return [
          ['1000', null, '3600000', '5000', 't'],
          ['1001', '-Infinity', '3600000', '5000', 'f'],
        ]
      if (sql.includes('run_job(1000)')) throw new EngineError('out of luck', 'P0001')
      const match = /alter_job\(1000, next_start => to_timestamp\(([\d.]+)\)/.exec(sql)
      if (match?.[1]) planned.push(Math.round(Number(match[1]) - START / 1_000))
      return busyDatabase(sql)
    })
    await maintenance.tick(START)
    await maintenance.tick(START + MINUTE)
    expect(lines).toEqual(['job 1000 failed: out of luck', 'job 1000 failed: out of luck'])
    expect(planned).toEqual([5, 70])
    expect(maintenance.counters).toMatchObject({ jobRuns: 4, jobFailures: 2, checkpoints: 1 })
  })

  test('lives through a database that answers nothing but errors', async () => {
    const { lines, maintenance } = makeMaintenance(() => {
      throw new EngineError('no', 'XX000')
    })
    await maintenance.tick(START + 2 * DAY)
    expect(lines).toEqual(['reading the jobs failed: no', 'checkpoint failed: no', 'analyze failed: no', 'vacuum failed: no'])
  })

  test('begins nothing more once it is stopped', async () => {
    const { session, maintenance } = makeMaintenance((sql) => {
      if (sql.startsWith('CALL')) maintenance.stop()
      return sql.includes('timescaledb_information.jobs') ? [1, 2, 3].map((id) => [String(id), null, '60000', '5000', 'f']) : []
    })
    await maintenance.tick(START + 2 * DAY)
    expect(session.of('CALL')).toHaveLength(1)
    expect(session.of('CHECKPOINT')).toEqual([])
  })
})
