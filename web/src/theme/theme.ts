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

export interface Layout {
  width: number
  height: number
  /** `--u`, px. */
  u: number
  /** `--p`, px. */
  p: number
  /** 32:9 and the like: lists stand beside the map. */
  wide: boolean
}

export const layoutOf = (width: number, height: number): Layout => ({
  width,
  height,
  u: wallUnit(width, height),
  p: deskUnit(width, height),
  wide: width / height >= 2.9,
})

export const layoutKey: InjectionKey<Readonly<ShallowRef<Layout>>> = Symbol('layout')

/** `reserved`: what bars above and below the scene take of the window's height, in units of the whole window (`--tu`). */
export function createLayout(reserved: () => number = () => 0): Readonly<ShallowRef<Layout>> {
  const size = shallowRef({ width: innerWidth, height: innerHeight })
  useEventListener('resize', () => (size.value = { width: innerWidth, height: innerHeight }), { passive: true })
  const whole = computed(() => wallUnit(size.value.width, size.value.height))
  const layout = shallowRef(layoutOf(innerWidth, innerHeight))
  watchEffect(() => (layout.value = layoutOf(size.value.width, size.value.height - reserved() * whole.value)))
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
