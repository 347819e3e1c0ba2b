import type { AlarmCell, AlarmSummaryCell, DomainCell, Severity, StationState, TruthCell } from '@yiping/contract/screen'
import { describe, expect, it } from 'vitest'
import { wordsOf } from '../../testing/words.ts'
import { sentence, type CityFacts } from './sentence.ts'

const { t } = wordsOf('zh-CN')
const truth: TruthCell = {
  points: { fresh: 990, expected: 1000 },
  delayP95Ms: 420,
  spoolDepth: 0,
  spoolBytes: 0,
  spoolFull: false,
  lastCommitAt: 0,
  balanceCloses: true,
  balanceOpen: { minutes: 0, difference: 0 },
  balance: { received: 0, stored: 0, duplicate: 0, conflict: 0, rejected: 0, waiting: 0 },
  database: 'up',
  broker: 'up',
  ingest: 'up',
  origin: null,
}
const domain = (
  exceeding: Partial<Record<Severity, number>> = {},
  stations: Partial<Record<StationState, number>> = { online: 300 },
  fresh = 990,
): DomainCell => ({
  stations: { online: 0, late: 0, offline: 0, maintenance: 0, ...stations },
  points: { fresh, expected: 1000 },
  exceeding: { 1: 0, 2: 0, 3: 0, 4: 0, ...exceeding },
  silentSince: null,
})
const alarm = (station: string, severity: Severity) => ({ station, severity }) as AlarmCell
const alarms = (open: Partial<Record<Severity, number>> = {}, over: Partial<AlarmSummaryCell> = {}): CityFacts['alarms'] => {
  const all = { 1: 0, 2: 0, 3: 0, 4: 0, ...open }
  return { open: all, unacked: all, domains: { water: all }, flood: false, worst: [], ...over }
}
const facts = (over: Partial<CityFacts>): CityFacts => ({
  ready: true,
  now: 60_000,
  truth,
  domains: [domain()],
  silent: [],
  alarms: alarms(),
  place: (a) => a.station ?? '',
  domainName: (d) => (d === 'water' ? '供水' : d),
  ...over,
})

describe('the sentence', () => {
  it('is calm when all is well', () => {
    expect(sentence(facts({}), t)).toEqual({ tone: 'calm', headline: '城市运行平稳，无报警', detail: '全部站点在报' })
  })
  it('counts alarms and who is silent', () => {
    const s = sentence(
      facts({
        domains: [domain({ 1: 9 }, { online: 200, offline: 41 })],
        alarms: alarms({ 3: 2, 4: 1 }, { worst: [alarm('甲', 3), alarm('乙', 3), alarm('丙', 4)] }),
      }),
      t,
    )
    expect(s).toEqual({ tone: 'watch', headline: '城市运行平稳，3 条报警，41 站离线', detail: '甲 · 乙 · 另有 1 条' })
  })
  it.each([
    [{ 2: 2 }, 'act', '有 2 条橙色报警需处置'],
    [{ 1: 1, 2: 5 }, 'severe', '有 1 条红色报警需立即处置'],
  ] as const)('follows the worst severity: %o', (open, tone, headline) => {
    expect(sentence(facts({ alarms: alarms(open) }), t)).toMatchObject({ tone, headline })
  })
  it('says of what everybody has in hand that it is', () => {
    const held = alarms({ 1: 2 }, { unacked: { 1: 0, 2: 0, 3: 0, 4: 0 } })
    expect(sentence(facts({ alarms: held }), t)).toMatchObject({ tone: 'severe', headline: '有 2 条红色报警，均已有人处置' })
  })
  it('names the utility with the most alarms in a flood, in place of single ones', () => {
    const none = { 1: 0, 2: 0, 3: 0, 4: 0 }
    const domains = { gas: { ...none, 3: 20 }, water: { ...none, 1: 4, 3: 80 } }
    expect(sentence(facts({ alarms: alarms({ 1: 4, 3: 100 }, { flood: true, domains }) }), t)).toEqual({
      tone: 'severe',
      headline: '报警洪泛，共 104 条',
      detail: '4 条橙色以上，供水最多（84 条）',
    })
  })
})

it('does not call a city calm of which a part is silent', () => {
  expect(sentence(facts({ silent: ['燃气', '供热'] }), t)).toMatchObject({ tone: 'watch', headline: '已知部分运行平稳，无报警，燃气、供热停报' })
})

it('does not take a past that nobody watched for one without alarms', () => {
  const past = facts({ domains: [domain({ 1: 2, 3: 5 }, { online: 300, offline: 4 })], alarms: alarms({}, { known: false }) })
  expect(sentence(past, t)).toEqual({ tone: 'unknown', headline: '当时报警引擎未运行，有无报警不明，4 站离线', detail: '7 处超限' })
})

describe('the sentence says nothing about the city', () => {
  it.each([
    ['before the first frame', { ready: false }, '正在连接'],
    ['without a station', { domains: [domain({}, {}, 0)] }, '尚无数据'],
    ['without a reading', { domains: [domain({}, { offline: 12 }, 0)] }, '尚无读数'],
    ['with most points silent', { domains: [domain({ 1: 3 }, { online: 3, offline: 90 }, 100)] }, '多数测点没有新数据，城市状态不明'],
    ['with the database away', { truth: { ...truth, database: 'down' as const } }, '数据库不可达，数字停止更新'],
    ['with ingest silent', { truth: { ...truth, ingest: 'silent' as const } }, '接入中断，读数未更新'],
  ])('%s', (_, over, headline) => {
    expect(sentence(facts(over), t)).toMatchObject({ tone: 'unknown', headline })
  })
  it('but when it last knew', () => {
    expect(sentence(facts({ truth: { ...truth, ingest: 'silent' } }), t).detail).toBe('最近入库 1 分前')
  })
})

it('speaks English as well', () => {
  expect(sentence(facts({ domains: [domain({}, { online: 5, offline: 2 })], alarms: alarms({ 2: 1 }) }), wordsOf('en').t).headline).toBe(
    '1 orange alarm needs action, 2 stations offline',
  )
})
