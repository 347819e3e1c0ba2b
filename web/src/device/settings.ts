import { isWallScene, settingBounds, settingsOf, wallScenes, type ScreenSettings, type WallScene } from '@yiping/contract/screen'

/** Parts of the address that stand above what is kept, for as long as the page shows them; they go along from scene to scene. */
export const overrideKeys = ['theme', 'lang', 'distance', 'height', 'rotate'] as const

type Query = Readonly<Record<string, unknown>>
const number = (x: unknown): number | undefined => (typeof x === 'string' && x.trim() !== '' ? Number(x) : undefined)

/**
 * `?theme=showroom&lang=en&distance=5&height=120&rotate=60`: distance in m, height of the picture in cm; `rotate` gives
 * every scene of the turn so many seconds, `0` stops it. What cannot be read is as it is kept.
 */
export function withOverrides(kept: ScreenSettings, query: Query): ScreenSettings {
  const over: Record<string, unknown> = {}
  if (query.theme !== undefined) over.theme = query.theme
  if (query.lang !== undefined) over.language = query.lang === 'zh' ? 'zh-CN' : query.lang
  if (query.distance !== undefined) over.distanceM = number(query.distance)
  if (query.height !== undefined) over.heightCm = number(query.height)
  const seconds = number(query.rotate)
  if (query.rotate === 'on' || query.rotate === 'off' || seconds === 0) over.rotate = query.rotate === 'on'
  else if (seconds !== undefined && seconds >= settingBounds.dwellS.least && seconds <= settingBounds.dwellS.most) {
    over.rotate = true
    over.dwellS = Object.fromEntries(wallScenes.map((s) => [s, kept.dwellS[s] === 0 ? 0 : seconds]))
  }
  return settingsOf({ ...kept, ...over }, kept)
}

/** `/wall/gas` shows gas; `/` and `/wall` the overview. */
export const sceneOf = (param: unknown): WallScene => (isWallScene(param) ? param : 'overview')
