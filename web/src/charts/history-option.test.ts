import { describe, expect, it } from 'vitest'
import { bandOf } from '../series/band.ts'
import { themes } from '../theme/tokens.ts'
import { historyOption, type HistoryInput } from './history-option.ts'

describe('the history chart', () => {
  const line = (id: string, axis: 0 | 1, low: number, high: number) => ({
    ...{ id, axis, color: '#7fb9d3', dashed: false, minSpan: 0.01, ghost: null },
    band: bandOf({ t: [0, 60_000, 300_000], min: [low, low, low], max: [high, high, high], avg: [low, high, low], count: [1, 1, 1] }, 60_000, 90_000),
  })
  const drawn = (more: Partial<HistoryInput> = {}) =>
    historyOption({
      ...{ lines: [line('a', 0, 0.3, 0.4), line('b', 1, 40, 50)], from: 0, to: 600_000, units: ['MPa', '℃'], ticks: [], limits: [], marks: [], rain: null },
      ...{ theme: themes.calm, text: 12, ...more },
    })
  const seriesOf = (option: ReturnType<typeof drawn>) => option.series as { id: string; yAxisIndex: number; data: [number, number | null][] }[]
  const axesOf = (option: ReturnType<typeof drawn>) => option.yAxis as { min: number; max: number; name: string }[]

  it('has an axis a unit, and breaks mean and band alike where buckets are absent', () => {
    const option = drawn()
    expect(axesOf(option).map((a) => a.name)).toEqual(['MPa', '℃'])
    expect(axesOf(option)[1]?.min).toBeGreaterThan(30)
    for (const id of ['a mean', 'a low', 'a band', 'b mean']) {
      const data = seriesOf(option).find((s) => s.id === id)?.data ?? []
      expect([id, data.map(([, y]) => y === null)]).toEqual([id, [false, false, true, false]])
    }
  })
  it('makes room for the next limit each way and no further', () => {
    const severity = 3 as const
    const option = drawn({ lines: [line('a', 0, 0.3, 0.4)], units: ['MPa'], limits: [0.26, 0.2, 0.1].map((value) => ({ value, severity, text: '' })) })
    expect([axesOf(option)[0]?.min ?? 0] as number[]).toEqual([expect.closeTo(0.25, 2)])
    expect(seriesOf(option).filter((s) => /^limit-\d/.test(s.id))).toHaveLength(1)
  })
  it('marks alarms of the span above the lines, and lets rain hang from the top', () => {
    const marks = [
      { at: 100, severity: 2 as const },
      { at: 900_000, severity: 2 as const },
    ]
    const option = drawn({
      marks,
      rain: {
        data: [
          [0, 0],
          [60_000, 4],
          [120_000, null],
        ],
        most: 4,
        color: '#84bba9',
      },
    })
    const top = axesOf(option)[0]?.max ?? 0
    expect(seriesOf(option).find((s) => s.id === 'alarm-2')?.data).toEqual([[100, top]])
    const rain =
      seriesOf(option)
        .find((s) => s.id === 'rain')
        ?.data.map(([, y]) => y) ?? []
    expect([rain[0], rain[2]]).toEqual([top, null])
    expect(rain[1]).toBeLessThan(top)
  })
})
