import { useEventListener } from '@vueuse/core'
import { computed, inject, shallowRef, watchEffect, type InjectionKey, type ShallowRef } from 'vue'
import { cssVariables, themes, type Theme, type ThemeName } from './tokens.ts'

export const themeKey: InjectionKey<Readonly<ShallowRef<Theme>>> = Symbol('theme')

export function createTheme(name: () => ThemeName): Readonly<ShallowRef<Theme>> {
  const theme = shallowRef<Theme>(themes[name()])
  watchEffect(() => {
    theme.value = themes[name()]
    const root = document.documentElement
    root.dataset.theme = theme.value.name
    for (const [key, value] of Object.entries(cssVariables(theme.value))) root.style.setProperty(key, value)
  })
  return theme
}

export function useTheme(): Readonly<ShallowRef<Theme>> {
  const theme = inject(themeKey)
  if (!theme) throw new Error('no theme provided')
  return theme
}

/** 1/108 of the wall's height; a screen narrower than 16:9 gives its width instead, so that nothing is cut off. */
export const wallUnit = (width: number, height: number): number => Math.min(height / 108, width / 192)
/** The desk's pixel: grows with the screen, never below a readable 1. */
export const deskUnit = (width: number, height: number): number => Math.min(2.2, Math.max(1, Math.min(height / 1000, width / 1600)))

/** The smallest text that the wall is drawn with, u. */
export const smallestText = 1.35
/** Beyond this too little would be left on the wall: the screen has to be larger, or nearer. */
export const largestScale = 1.6
/** Text is read without effort from 250 times its height. */
export const distancePerHeight = 250

/** Where a screen hangs. */
export interface Sight {
  distanceM: number | null
  heightCm: number | null
}

/** How much larger than drawn text has to be; null when the screen does not say where it hangs. */
export function wantedScale(width: number, height: number, { distanceM, heightCm }: Sight): number | null {
  if (distanceM === null || heightCm === null) return null
  const unitCm = (heightCm * wallUnit(width, height)) / height
  return (distanceM * 100) / distancePerHeight / (smallestText * unitCm)
}

/** The scale of everything on the wall. Larger type on the same wall leaves room for less of it: fewer rows, never a panel that runs over. */
export const textScale = (width: number, height: number, sight: Sight): number => Math.min(largestScale, Math.max(1, wantedScale(width, height, sight) ?? 1))

export interface Layout {
  width: number
  height: number
  /** The wall's width and height, u: what the scale leaves of the drawing board of 192 × 108. */
  board: { width: number; height: number }
  /** `--u`, px. */
  u: number
  /** `--p`, px. */
  p: number
  /** 32:9 and the like: lists stand beside the map. */
  wide: boolean
  /** Text is so large that parts are left out. */
  tight: boolean
}

/** Boards narrower than this for their kind leave parts out. */
const roomyBoard = { usual: 165, wide: 330 }

export function layoutOf(width: number, height: number, scale = 1): Layout {
  const u = wallUnit(width, height) * scale
  const board = { width: width / u, height: height / u }
  const wide = width / height >= 2.9
  return { width, height, board, u, p: deskUnit(width, height), wide, tight: board.width < roomyBoard[wide ? 'wide' : 'usual'] }
}

export const layoutKey: InjectionKey<Readonly<ShallowRef<Layout>>> = Symbol('layout')

/** `reserved`: what bars above and below the scene take of the window's height, in units of the whole window (`--tu`). */
export function createLayout(sight: () => Sight = () => ({ distanceM: null, heightCm: null }), reserved: () => number = () => 0): Readonly<ShallowRef<Layout>> {
  const size = shallowRef({ width: innerWidth, height: innerHeight })
  useEventListener('resize', () => (size.value = { width: innerWidth, height: innerHeight }), { passive: true })
  const whole = computed(() => wallUnit(size.value.width, size.value.height))
  const layout = computed(() => {
    const { width, height } = size.value
    return layoutOf(width, height - reserved() * whole.value, textScale(width, height, sight()))
  })
  watchEffect(() => {
    const root = document.documentElement
    root.style.setProperty('--tu', `${whole.value}px`)
    root.style.setProperty('--u', `${layout.value.u}px`)
    root.style.setProperty('--p', `${layout.value.p}px`)
  })
  return layout
}

export function useLayout(): Readonly<ShallowRef<Layout>> {
  const layout = inject(layoutKey)
  if (!layout) throw new Error('no layout provided')
  return layout
}
