import { describe, expect, it } from 'vitest'
import { deskUnit, largestScale, layoutOf, smallestText, textScale, wallUnit, wantedScale } from './theme.ts'
import { cssVariables, themeName, themes } from './tokens.ts'

const luminance = (hex: string): number => {
  const [r = 0, g = 0, b = 0] = [1, 3, 5]
    .map((i) => parseInt(hex.slice(i, i + 2), 16) / 255)
    .map((c) => (c <= 0.03928 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4))
  return 0.2126 * r + 0.7152 * g + 0.0722 * b
}
const contrast = (a: string, b: string): number => {
  const [hi = 0, lo = 0] = [luminance(a), luminance(b)].sort((x, y) => y - x)
  return (hi + 0.05) / (lo + 0.05)
}

describe.each(Object.values(themes))('$name', (theme) => {
  it.each(['bg', 'panel', 'raised'] as const)('every ink keeps 4.5:1 on %s', (ground) => {
    for (const ink of [theme.ink, theme.ink2, theme.ink3]) expect(contrast(ink, theme[ground])).toBeGreaterThanOrEqual(4.5)
    for (const hue of [...Object.values(theme.hue), ...Object.values(theme.severity)]) expect(contrast(hue, theme[ground])).toBeGreaterThanOrEqual(4.5)
  })
  it('gives style sheets every colour', () => {
    expect(cssVariables(theme)).toMatchObject({ '--bg': theme.bg, '--s1': theme.severity[1], '--hue-gas': theme.hue.gas })
  })
})

it('calm is the theme unless the other is asked for', () => {
  expect([themeName(undefined), themeName('showroom'), themeName(['x'])]).toEqual(['calm', 'showroom', 'calm'])
})
it('one unit is 1/108 of the height on 16:9 and wider; a narrower screen shrinks instead of cropping', () => {
  expect([wallUnit(1920, 1080), wallUnit(3840, 2160), wallUnit(5120, 1440).toFixed(2), wallUnit(1280, 1024).toFixed(2)]).toEqual([10, 20, '13.33', '6.67'])
  expect([layoutOf(5120, 1440).wide, layoutOf(3840, 2160).wide]).toEqual([true, false])
  expect(deskUnit(1440, 900)).toBe(1)
})

describe('type sized from where the screen hangs', () => {
  const full = [1920, 1080] as const
  it('is as drawn while nobody has said it, and where that is large enough', () => {
    expect(wantedScale(...full, { distanceM: 5, heightCm: null })).toBeNull()
    expect([textScale(...full, { distanceM: null, heightCm: 70 }), textScale(...full, { distanceM: 5, heightCm: 300 })]).toEqual([1, 1])
  })
  it('makes the smallest text a 250th of the distance', () => {
    const sight = { distanceM: 5, heightCm: 130 }
    const { u } = layoutOf(...full, textScale(...full, sight))
    const smallestCm = (smallestText * u * sight.heightCm) / full[1]
    expect(smallestCm).toBeCloseTo(500 / 250)
  })
  it('on a screen that is not as wide as 16:9 reckons with the unit that it has', () => {
    expect(wantedScale(1280, 1024, { distanceM: 3, heightCm: 100 })).toBeCloseTo(
      ((wantedScale(...full, { distanceM: 3, heightCm: 100 }) ?? 0) * (1024 / 108)) / (1280 / 192),
    )
  })
  it('ends where too little would be left, and says what would be wanted', () => {
    const far = { distanceM: 20, heightCm: 100 }
    expect([textScale(...full, far), (wantedScale(...full, far) ?? 0) > largestScale]).toEqual([largestScale, true])
  })
  it('leaves a smaller board, which leaves parts out', () => {
    const { board, tight } = layoutOf(...full, 1.5)
    expect([board.width, board.height, tight, layoutOf(...full).tight, layoutOf(5120, 1440).tight, layoutOf(1280, 1024).tight]).toEqual([
      128,
      72,
      true,
      false,
      false,
      false,
    ])
  })
})
