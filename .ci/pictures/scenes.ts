/** What is photographed of the city as it is: every scene in both languages and both themes, and what opens in it. */
export interface Picture {
  name: string
  path: string
  width: number
  height: number
  /** Nobody is signed in. */
  outside?: true
}

const [wall, desk] = [
  { width: 1920, height: 1080 },
  { width: 1440, height: 900 },
]
export const languages = ['zh', 'en'] as const
const themes = ['calm', 'showroom'] as const
const utilities = ['water', 'gas', 'heating', 'drainage'] as const

const each = <T>(make: (language: (typeof languages)[number], theme: (typeof themes)[number]) => T): T[] =>
  languages.flatMap((language) => themes.map((theme) => make(language, theme)))
/** Calm is the rule and stands in no name. */
const named = (scene: string, language: string, theme: string, width: number): string => `${scene}${theme === 'calm' ? '' : `-${theme}`}-${language}-${width}`
const look = (language: string, theme: string): string => `lang=${language}&theme=${theme}`

export const desks: Picture[] = [
  ...utilities.flatMap((d) => each((l, t) => ({ name: named(d, l, t, 1440), path: `/${d}?${look(l, t)}`, ...desk }))),
  ...each((l, t) => ({ name: named('alarms', l, t, 1440), path: `/alarms?${look(l, t)}`, ...desk })),
  ...each((l, t) => ({
    name: named('history', l, t, 1440),
    path: `/history?points=WS-P-0001:ws.pressure,WS-P-0002:ws.pressure&panel=correlation&${look(l, t)}`,
    ...desk,
  })),
  ...each((l, t) => ({ name: named('ingest', l, t, 1440), path: `/ingest?hours=1&${look(l, t)}`, ...desk })),
  { name: 'history-empty-en-1440', path: '/history?lang=en', ...desk },
  { name: 'history-day-zh-1920', path: '/history?points=WS-D-0001:ws.flow&compare=day&panel=distribution', ...wall },
  { name: 'history-meter-zh-1440', path: '/history?points=WS-D-0001:ws.volume,WS-B-0001:ws.pump_state', ...desk },
  { name: 'history-three-zh-3840', path: '/history?points=WS-P-0001:ws.pressure,HT-S-0001:ht.t2s,HT-S-0001:ht.t2r&panel=calendar', width: 3840, height: 2160 },
  { name: 'alarms-zh-1920', path: '/alarms', ...wall },
  { name: 'alarms-zh-3840', path: '/alarms', width: 3840, height: 2160 },
  { name: 'alarm-notices-zh-1440', path: '/alarms?tab=notices', ...desk },
  { name: 'alarm-trial-zh-1440', path: '/alarms?tab=trial&rule=ws.pressure.low&days=1', ...desk },
  { name: 'alarm-health-en-1440', path: '/alarms?tab=health&lang=en', ...desk },
  { name: 'water-station-en-1440', path: '/water?lang=en&station=WS-P-0001', ...desk },
  { name: 'water-network-zh-1440', path: '/water?map=ws.leak_rate&pipes=pressure', ...desk },
  { name: 'water-district-en-1440', path: '/water?pipes=pressure&district=410105&lang=en', ...desk },
  { name: 'drainage-passage-en-1440', path: '/drainage?lang=en&panel=passage&station=DR-U-0001&tab=ledger', ...desk },
  { name: 'water-night-zh-1920', path: '/water?panel=night&station=WS-D-0001&tab=messages', ...wall },
  { name: 'gas-void-en-1920', path: '/gas?lang=en&panel=voids&station=GS-V-0007&tab=alarms', ...wall },
  { name: 'heating-curve-zh-1920', path: '/heating?panel=curve', ...wall },
]

/** Once there are some accounts, and things that they did. */
export const doors: Picture[] = languages.flatMap((l) => [
  { name: `sign-in-${l}-1440`, path: `/alarms?lang=${l}`, ...desk, outside: true },
  { name: `accounts-${l}-1440`, path: `/accounts?lang=${l}`, ...desk },
  { name: `audit-${l}-1440`, path: `/audit?lang=${l}`, ...desk },
])

export const walls: Picture[] = [
  ...each((l, t) => ({ name: named('wall', l, t, 1920), path: `/?${look(l, t)}`, ...wall })),
  ...utilities.flatMap((d) => each((l, t) => ({ name: named(`wall-${d}`, l, t, 1920), path: `/wall/${d}?${look(l, t)}`, ...wall }))),
  { name: 'wall-zh-3840', path: '/', width: 3840, height: 2160 },
  { name: 'wall-zh-5120', path: '/', width: 5120, height: 1440 },
  { name: 'wall-water-zh-3840', path: '/wall/water', width: 3840, height: 2160 },
  { name: 'wall-gas-zh-5120', path: '/wall/gas', width: 5120, height: 1440 },
  { name: 'wall-far-zh-1920', path: '/wall/overview?distance=5&height=118', ...wall },
]

/** A wall and a desk in a state, in both languages; `wallPath` is the overview's unless told. */
export const stateOf = (state: string, wallPath = '/'): Picture[] =>
  languages.map((l) => ({ name: `wall-${state}-${l}-1920`, path: `${wallPath}${wallPath.includes('?') ? '&' : '?'}lang=${l}`, ...wall }))
export const deskIn = (state: string, path: string): Picture => ({ name: `${path.slice(1)}-${state}-zh-1440`, path, ...desk })
