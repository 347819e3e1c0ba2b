import { EnvironmentError, readEnvironment } from '@yiping/contract'
import { describe, expect, it } from 'vitest'
import { chunkDays, defaultTiers, refreshPolicies, tierSettings, tierVariables } from '../src/settle-tiers.ts'

const settings = (source: Record<string, string>) => tierSettings(readEnvironment(source, tierVariables))
const day = 86_400

describe('how long a tier is kept', () => {
  it('is two, five, ten and twenty years, and days for ever, unless it is configured', () => {
    expect(defaultTiers).toEqual({ zone: 'Asia/Shanghai', keepDays: { raw: 730, '1m': 1825, '15m': 3650, '1h': 7300, '1d': 0 }, keepRecordsDays: 730 })
    expect(settings({ RETENTION_RAW: '0', RETENTION_1M: '0', RETENTION_15M: '0', RETENTION_1H: '0' }).keepDays).toMatchObject({ raw: 0, '1h': 0 })
  })

  it('is longer than the default where late readings or a finer tier ask for it', () => {
    expect(settings({ RETENTION_DAYS: '36500' }).keepDays).toEqual({ raw: 36_507, '1m': 36_507, '15m': 36_507, '1h': 36_507, '1d': 0 })
    expect(settings({ RETENTION_RAW: '3000' }).keepDays).toEqual({ raw: 3000, '1m': 3000, '15m': 3650, '1h': 7300, '1d': 0 })
    expect(settings({ RETENTION_RAW: '0' }).keepDays).toEqual({ raw: 0, '1m': 0, '15m': 0, '1h': 0, '1d': 0 })
  })

  it.each([
    [{ RETENTION_RAW: '400' }, 'RETENTION_RAW is less than RETENTION_DAYS + 7'],
    [{ RETENTION_DAYS: '730', RETENTION_RAW: '736' }, 'RETENTION_RAW is less than RETENTION_DAYS + 7'],
    [{ RETENTION_1M: '500' }, 'RETENTION_1M is shorter than RETENTION_RAW'],
    [{ RETENTION_RAW: '0', RETENTION_1M: '2000' }, 'RETENTION_1M is shorter than RETENTION_RAW'],
    [{ RETENTION_1D: '7000' }, 'RETENTION_1D is shorter than RETENTION_1H'],
    [{ RETENTION_1H: '-1' }, 'RETENTION_1H="-1"'],
    [{ RETENTION_15M: 'for ever' }, 'RETENTION_15M="for ever"'],
  ])('is refused where it does not hold together: %j', (source, fault) => {
    expect(() => settings(source)).toThrow(EnvironmentError)
    expect(() => settings(source)).toThrow(fault)
  })
})

describe('a chunk', () => {
  it.each([
    ['nobody reports', [], 1],
    ['stations report every minute', [{ points: 10_000, perDay: 1440 }], 1],
    ['every five minutes', [{ points: 5000, perDay: 288 }], 2],
    ['every quarter of an hour', [{ points: 10_000, perDay: 96 }], 4],
    ['once an hour', [{ points: 10_000, perDay: 24 }], 7],
    ['once a day', [{ points: 100, perDay: 1 }], 7],
    [
      'nearly all of the rows are of those that report often',
      [
        { points: 1000, perDay: 8640 },
        { points: 9000, perDay: 96 },
      ],
      1,
    ],
    ['there are very many', [{ points: 40_000, perDay: 96 }], 2],
    ['a day alone is more than that', [{ points: 11_000_000, perDay: 96 }], 1],
  ])('has whole days: %s', (_, reporting, days) => {
    expect(chunkDays(reporting, 10_000_000)).toBe(days)
  })
})

describe('refresh policies', () => {
  const startDays = (gone: Parameters<typeof refreshPolicies>[1], source: Record<string, string> = {}) =>
    Object.fromEntries(
      refreshPolicies(settings(source), gone)
        .filter((p) => p.startS !== 7200)
        .map((p) => [p.view, p.startS === null ? null : p.startS / day]),
    )

  it('begin a day after what their source keeps, or at the beginning where it keeps all', () => {
    expect(startDays({})).toEqual({ reading_1m: 729, reading_15m: 1824, reading_1h: 3649, reading_1d: 3649 })
    expect(startDays({}, { RETENTION_RAW: '0', RETENTION_1M: '0', RETENTION_15M: '0', RETENTION_1H: '0' })).toEqual({
      ...{ reading_1m: null, reading_15m: null, reading_1h: null, reading_1d: null },
    })
  })

  it('do not reach what was dropped when it was kept shorter, and are left out where hardly anything is left', () => {
    expect(startDays({ raw: 400.7, '15m': 2000.2 })).toEqual({ reading_1m: 399, reading_15m: 1824, reading_1h: 1999, reading_1d: 1999 })
    expect(startDays({ raw: 2.5 })).toEqual({ reading_15m: 1824, reading_1h: 3649, reading_1d: 3649 })
  })
})
