import type { DomainCode } from './domain.ts'

/** What a wall can show, in the order of its tabs. */
export const wallScenes = ['overview', 'water', 'gas', 'heating', 'drainage'] as const satisfies readonly ('overview' | DomainCode)[]
export type WallScene = (typeof wallScenes)[number]
export const isWallScene = (x: unknown): x is WallScene => typeof x === 'string' && (wallScenes as readonly string[]).includes(x)

/** How one screen looks and behaves: kept on the server with a paired screen, in the browser of one that is not. */
export interface ScreenSettings {
  theme: 'calm' | 'showroom'
  language: 'zh-CN' | 'en'
  /** How far away it is read from, m, and how high the picture is, cm: together they say how large text has to be. Null: as drawn. */
  distanceM: number | null
  heightCm: number | null
  /** Scenes come up in turn. */
  rotate: boolean
  /** Seconds for each scene; 0 leaves it out of the turn. */
  dwellS: Record<WallScene, number>
  /** A red alarm that nobody has acknowledged is heard. */
  sound: boolean
}

export const settingBounds = {
  distanceM: { least: 0.5, most: 50 },
  heightCm: { least: 20, most: 2000 },
  dwellS: { least: 3, most: 3600 },
} as const

export const defaultSettings: ScreenSettings = {
  theme: 'calm',
  language: 'zh-CN',
  distanceM: null,
  heightCm: null,
  rotate: false,
  dwellS: { overview: 60, water: 30, gas: 30, heating: 30, drainage: 30 },
  sound: false,
}

const isRecord = (x: unknown): x is Record<string, unknown> => typeof x === 'object' && x !== null && !Array.isArray(x)
const within = (x: unknown, { least, most }: { least: number; most: number }): number | null =>
  typeof x === 'number' && Number.isFinite(x) && x >= least && x <= most ? x : null

/** Settings out of whatever was kept: what is missing or wrong is as in `base`, so that an old screen never stands still. */
export function settingsOf(x: unknown, base: ScreenSettings = defaultSettings): ScreenSettings {
  const from = isRecord(x) ? x : {}
  const dwell = isRecord(from.dwellS) ? from.dwellS : {}
  const length = (key: 'distanceM' | 'heightCm'): number | null => (from[key] === null ? null : (within(from[key], settingBounds[key]) ?? base[key]))
  return {
    theme: from.theme === 'calm' || from.theme === 'showroom' ? from.theme : base.theme,
    language: from.language === 'zh-CN' || from.language === 'en' ? from.language : base.language,
    distanceM: length('distanceM'),
    heightCm: length('heightCm'),
    rotate: typeof from.rotate === 'boolean' ? from.rotate : base.rotate,
    dwellS: Object.fromEntries(
      wallScenes.map((scene) => [scene, dwell[scene] === 0 ? 0 : (within(dwell[scene], settingBounds.dwellS) ?? base.dwellS[scene])]),
    ) as Record<WallScene, number>,
    sound: typeof from.sound === 'boolean' ? from.sound : base.sound,
  }
}
