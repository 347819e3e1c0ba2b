import type { DomainCode, Severity } from '@yiping/contract/screen'

/**
 * The two themes, as data: written to the document as CSS variables and handed to the chart builders as they are.
 *
 * calm (default, after ISA-101): near-black ground, greys for what is normal, one quiet hue per utility for its lines
 * only. Saturated colour belongs to severities alone. showroom: the same for visitors, on a blue ground.
 * Every ink keeps 4.5:1 on ground and panel; `dim` is for shapes, never for text.
 */
export interface Theme {
  name: ThemeName
  bg: string
  panel: string
  raised: string
  line: string
  grid: string
  ink: string
  ink2: string
  ink3: string
  dim: string
  band: string
  ghost: string
  now: string
  limit: string
  good: string
  land: readonly [string, string]
  landLine: string
  landFocus: string
  dot: string
  hue: Record<DomainCode, string>
  severity: Record<Severity, string>
}
export type ThemeName = 'calm' | 'showroom'

const severity: Theme['severity'] = { 1: '#ff4b4b', 2: '#ff9130', 3: '#ffd43b', 4: '#5aa9ff' }

const calm: Theme = {
  name: 'calm',
  bg: '#0b1015',
  panel: '#0f161d',
  raised: '#18222b',
  line: '#1d2831',
  grid: '#19232c',
  ink: '#e8eef3',
  ink2: '#a3b3bf',
  ink3: '#7f919e',
  dim: '#4b5c69',
  band: '#1f2d38',
  ghost: '#566976',
  now: '#3a4c5a',
  limit: '#8d7f49',
  good: '#5fae7d',
  land: ['#141d26', '#17222c'],
  landLine: '#2c3d4b',
  landFocus: '#1c2a36',
  dot: '#8fa3b2',
  hue: { water: '#7fb9d3', gas: '#b5a5d8', heating: '#d39f86', drainage: '#84bba9' },
  severity,
}

const showroom: Theme = {
  name: 'showroom',
  bg: '#06111f',
  panel: '#0a1a2c',
  raised: '#12283f',
  line: '#18324d',
  grid: '#13293f',
  ink: '#f2f7fc',
  ink2: '#aac2d8',
  ink3: '#83a0ba',
  dim: '#456480',
  band: '#16344f',
  ghost: '#5d82a3',
  now: '#3d6285',
  limit: '#a08f4c',
  good: '#4cc38a',
  land: ['#0d2239', '#112a45'],
  landLine: '#2d557c',
  landFocus: '#173653',
  dot: '#9dbedb',
  hue: { water: '#5cc4f2', gas: '#b49bff', heating: '#f2a07b', drainage: '#5fd4b1' },
  severity,
}

export const themes: Record<ThemeName, Theme> = { calm, showroom }
export const themeName = (text: unknown): ThemeName => (text === 'showroom' ? 'showroom' : 'calm')

/** `--hue-water`, `--s1`, `--ink2` … for the style sheets. */
export function cssVariables(theme: Theme): Record<string, string> {
  const out: Record<string, string> = {}
  for (const [key, value] of Object.entries(theme)) if (typeof value === 'string' && key !== 'name') out[`--${key}`] = value
  for (const [domain, value] of Object.entries(theme.hue)) out[`--hue-${domain}`] = value
  for (const [s, value] of Object.entries(theme.severity)) out[`--s${s}`] = value
  return out
}
