/** Every key that a screen listens to, as the overlay lists them. `where`: on a wall, at a desk, or on both. */
export interface Shortcut {
  keys: readonly string[]
  what: string
  where: 'both' | 'wall' | 'desk' | 'past'
}

export const scenePaths = ['', 'water', 'gas', 'heating', 'drainage', 'alarms', 'history'] as const

export const shortcuts: readonly Shortcut[] = [
  { keys: ['/'], what: 'find', where: 'both' },
  { keys: ['1', '…', '7'], what: 'scenes', where: 'both' },
  { keys: ['Esc', '⌫'], what: 'back', where: 'both' },
  { keys: ['T'], what: 'time', where: 'both' },
  { keys: ['S'], what: 'picture', where: 'both' },
  { keys: ['Shift', 'S'], what: 'print', where: 'both' },
  { keys: ['?'], what: 'keys', where: 'both' },
  { keys: ['↑', '↓', '↵'], what: 'list', where: 'desk' },
  { keys: ['+', '−'], what: 'zoom', where: 'desk' },
  { keys: ['Shift', '← →'], what: 'pan', where: 'desk' },
  { keys: ['Space'], what: 'rotation', where: 'wall' },
  { keys: ['←', '→'], what: 'turn', where: 'wall' },
  { keys: [','], what: 'settings', where: 'wall' },
  { keys: ['P'], what: 'pair', where: 'wall' },
  { keys: ['L'], what: 'live', where: 'past' },
  { keys: ['Space'], what: 'play', where: 'past' },
  { keys: ['←', '→'], what: 'minute', where: 'past' },
  { keys: ['PgUp', 'PgDn'], what: 'hour', where: 'past' },
]
