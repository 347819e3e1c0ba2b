import { defaultSettings, settingsOf } from '@yiping/contract/screen'
import { describe, expect, it } from 'vitest'
import { bandUnits } from './band.ts'
import { sceneOf, withOverrides } from './settings.ts'

describe('settings of a screen', () => {
  it('come back as they were kept', () => {
    const kept = { ...defaultSettings, theme: 'showroom' as const, distanceM: 4.5, heightCm: 120, rotate: true, dwellS: { ...defaultSettings.dwellS, gas: 0 } }
    expect(settingsOf(JSON.parse(JSON.stringify(kept)))).toEqual(kept)
  })
  it.each([
    [null],
    ['x'],
    [{}],
    [{ theme: 'neon', language: 'fr', distanceM: -1, heightCm: 'tall', rotate: 'yes', dwellS: { water: 0.1, gas: 1e9 }, sound: 1 }],
  ])('are the usual ones where what was kept cannot be read: %o', (x) => {
    expect(settingsOf(x)).toEqual(defaultSettings)
  })
  it('may say again that nobody knows where the screen hangs', () => {
    expect(settingsOf({ distanceM: null }, { ...defaultSettings, distanceM: 5 }).distanceM).toBeNull()
  })
  it('give way to the address', () => {
    const kept = { ...defaultSettings, distanceM: 3, dwellS: { ...defaultSettings.dwellS, heating: 0 } }
    expect(withOverrides(kept, {})).toEqual(kept)
    expect(withOverrides(kept, { theme: 'showroom', lang: 'en', distance: '6', height: '150' })).toMatchObject({
      theme: 'showroom',
      language: 'en',
      distanceM: 6,
      heightCm: 150,
    })
    expect(withOverrides(kept, { rotate: '20' })).toMatchObject({ rotate: true, dwellS: { overview: 20, water: 20, gas: 20, heating: 0, drainage: 20 } })
    expect(withOverrides({ ...kept, rotate: true }, { rotate: '0' }).rotate).toBe(false)
    expect(withOverrides(kept, { rotate: '1', distance: 'far', theme: ['x'], lang: 'fr' })).toEqual(kept)
  })
})

it('an address names a scene, or means the overview', () => {
  expect([sceneOf('gas'), sceneOf(undefined), sceneOf('moon')]).toEqual(['gas', 'overview', 'overview'])
})

it('the band below the scene is as high as its message', () => {
  expect([bandUnits(null), bandUnits('three words only'), bandUnits('长'.repeat(150))]).toEqual([5.4, 5.4, 3 * 3.12 + 1.6])
})
