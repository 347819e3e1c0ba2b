import { describe, expect, it } from 'vitest'
import { wordsOf } from '../../testing/words.ts'
import { deskOf, queryOf } from './address.ts'
import { lanesOf, minuteOf, ticksOf } from './strip.ts'
import { delayText, reasonsText, sizeText, sourceText } from './words.ts'
import zh from '../../i18n/ingest-zh-CN.ts'
import { createMessages } from '../../i18n/index.ts'

const start = Date.UTC(2026, 10, 23, 0, 0)
const lane = (received: (number | null)[], more: { refused?: number[]; difference?: number[] } = {}) => ({
  from: start,
  sources: [{ source: 'gateway', received, refused: received.map(() => 0), difference: received.map(() => 0), ...more }],
})
const bars = (path: string): number => path.split('z').length - 1

describe('the account as a strip', () => {
  it('has a bar for each minute in which something came, as high as its share of the most', () => {
    const [drawn] = lanesOf(lane([10, null, 20, 0]))
    expect(drawn).toMatchObject({ source: 'gateway', most: 20, refused: '', open: '' })
    expect(drawn?.received).toBe('M0,100v-50h0.82v50zM2,100v-100h0.82v100z')
  })
  it('shows a minute that does not close over its whole height, however little is missing', () => {
    const [drawn] = lanesOf(lane([1000, 1000, 1000], { difference: [0, 1, -1] }))
    expect(bars(drawn?.open ?? '')).toBe(2)
    expect(drawn?.open).toContain('v-100')
  })
  it('draws a minute far above the others broken, so that the others are still seen', () => {
    const received = Array.from({ length: 60 }, (_, i) => (i === 3 ? 100_000 : 100))
    const [drawn] = lanesOf(lane(received))
    expect(drawn?.most).toBe(100_000)
    expect(drawn?.received).toContain('M3,100v-84h0.82v84zM3,10v-10h0.82v10z')
    expect(drawn?.received).toContain('M4,100v-50h')
  })
  it('marks silence between, but neither before the first reading nor in the minute that runs', () => {
    expect(lanesOf(lane([null, 5, 5, null, null, 5, 5, null]))[0]?.gaps).toBe('M3,100v-3h2v3z')
  })
  it('takes silence of a class that seldom speaks for none', () => {
    expect(lanesOf(lane([5, null, null, null, null, null, 5, null]))[0]?.gaps).toBe('')
  })
  it('says what stands in a minute, and nothing of one outside', () => {
    const minutes = lane([10, null], { refused: [2, 0], difference: [3, 0] })
    expect(minuteOf(minutes, 0, 0)).toEqual({ at: start, source: 'gateway', received: 10, refused: 2, difference: 3 })
    expect(minuteOf(minutes, 0, 1)).toMatchObject({ at: start + 60_000, received: null })
    expect([minuteOf(minutes, 0, 2), minuteOf(minutes, 0, -1), minuteOf(minutes, 1, 0)]).toEqual([null, null, null])
  })
  it('has ticks at quarters of an hour, at hours, or at every third one', () => {
    const of = (hours: number): number[] => ticksOf(start + 60_000, hours * 60).map((t) => (t.at - start) / 60_000)
    expect(of(1)).toEqual([15, 30, 45, 60])
    expect(of(6)).toEqual([60, 120, 180, 240, 300, 360])
    expect(of(24)).toEqual([180, 360, 540, 720, 900, 1080, 1260, 1440])
  })
})

describe('the address', () => {
  it('says all of what is shown, and nothing of what is as usual', () => {
    const desk = { tab: 'conflicts', problem: 'slow', domain: 'gas', q: 'GW-1', hours: 24 } as const
    expect(deskOf(queryOf(desk))).toEqual(desk)
    expect(queryOf(deskOf({}))).toEqual({})
  })
  it('with nonsense in it is as usual', () => {
    expect(deskOf({ tab: 'x', problem: ['silent'], domain: 'fire', q: 7, hours: '7' })).toEqual({
      tab: 'stations',
      problem: null,
      domain: null,
      q: '',
      hours: 6,
    })
  })
})

describe('words', () => {
  const i18n = createMessages('zh-CN')
  i18n.global.mergeLocaleMessage('zh-CN', zh)
  const t = (key: string, named: Record<string, string | number> = {}): string => i18n.global.t(key, named)
  it('of a delay keep tenths of seconds and the sign of a clock that is ahead', () => {
    expect([delayText(340, t), delayText(12_400, t), delayText(90_000, t), delayText(-2500, t), delayText(-120_000, t)]).toEqual([
      '0.3 秒',
      '12 秒',
      '1 分',
      '−2.5 秒',
      '−2 分',
    ])
  })
  it('of refusals name the most frequent first, an unknown reason by its code', () => {
    expect(reasonsText({ ts_future: 2, value_out_of_range: 40, of_tomorrow: 1 }, t)).toBe('超出量程 40 · 时间在未来 2 · of_tomorrow 1')
    expect([sourceText('gateway', t), sourceText('opc', t)]).toEqual(['网关', 'opc'])
  })
  it('of a size suit it', () => {
    expect([sizeText(0), sizeText(1.5e6), sizeText(2.25e9)]).toEqual(['0 kB', '1.5 MB', '2.3 GB'])
    expect(wordsOf('zh-CN').t('nav.ingest')).toBe('数据汇聚')
  })
})
