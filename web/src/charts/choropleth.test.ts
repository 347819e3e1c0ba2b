import { describe, expect, it } from 'vitest'
import { themes } from '../theme/tokens.ts'
import { classesOf, classIn, ramp, wideClassesOf } from './choropleth.ts'

describe('classes', () => {
  it('have round limits that hold every value, at most five', () => {
    const values = [97.91, 98.2, 98.7, 99.4, 100]
    const classes = classesOf(values, false)
    expect(classes).toEqual({ limits: [97.5, 98, 98.5, 99, 99.5, 100], decimals: 1, each: false })
    expect(values.map((v) => classes && classIn(classes, v))).toEqual([0, 1, 2, 3, 4])
  })
  it('of a few whole numbers are these numbers', () => {
    const classes = classesOf([0, 3, 1], true)
    expect(classes).toEqual({ limits: [0, 1, 2, 3, 4], decimals: 0, each: true })
    expect([0, 1, 3].map((v) => classes && classIn(classes, v))).toEqual([0, 1, 3])
  })
  it('are one where all say the same, and none where nobody says anything', () => {
    expect(classesOf([100, 100], false)).toEqual({ limits: [100, 100], decimals: 0, each: true })
    expect(classesOf([], false)).toBeNull()
  })
  it('of values orders of magnitude apart follow 1, 2, 5', () => {
    const classes = wideClassesOf([24, 130, 800, 4600])
    expect(classes?.limits).toEqual([20, 100, 500, 2000, 5000])
    expect(wideClassesOf([1, 2])?.limits[0]).toBe(1)
  })
})

it.each(Object.values(themes))('$name: the ground gets lighter step by step, stays below the hue and off the alarms', (theme) => {
  for (const hue of Object.values(theme.hue)) {
    const colours = ramp(theme, hue, 5)
    expect(new Set(colours).size).toBe(5)
    const sum = (hex: string): number => [1, 3, 5].reduce((n, i) => n + Number.parseInt(hex.slice(i, i + 2), 16), 0)
    expect(colours.map(sum)).toEqual(colours.map(sum).toSorted((a, b) => a - b))
    expect(sum(colours[4] ?? '')).toBeLessThan(sum(hue))
    for (const alarm of Object.values(theme.severity)) expect(colours).not.toContain(alarm)
  }
})
