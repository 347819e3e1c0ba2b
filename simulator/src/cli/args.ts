import { parseArgs } from 'node:util'
import { parseTime } from '@yiping/contract'
import { isScenarioName, scenarioNames, type ScenarioName } from '../scenario/names.ts'
import { parseSpan } from './span.ts'

export const help = `The simulated city. Without a mode it publishes live telemetry by MQTT until it is stopped.

  --seed N               another city life with the same registry (default 1)
  --from TIME            city time to begin at: ISO 8601 with offset, or back from now such as -24h (default now)
  --speed N              city time runs N times as fast until it has caught up with the clock, then with it (default 1)
  --scenario NAME[@T]    ${scenarioNames.join(', ')}; T after the beginning, such as @10m (default 0s); may be repeated
  --labels FILE          append what scenarios really did, as JSON lines
  --write-seeds          write db/seeds/demo-stations.csv and demo-pipes.csv, and stop
  --history SPAN         write the past as CSV and stop, such as 24h; ends at --to (default now)
  --to TIME              end of --history
  --every SPAN           thin --history to at most one report a point and SPAN, such as 5m (default: as reported)
  --before-live          leave out of --history what a city that begins to live at --to says itself
  --out FILE             where --history goes (default -, the standard output)
  --replay FILE          publish a real data set (.csv or .csv.gz) and stop
  --map FILE             how its columns become readings (default: found by the file's name)
  --rebase               shift its times so that the last reading is of now
  --help                 this text

Environment: MQTT_URL (default mqtt://127.0.0.1:MQTT_PORT), MQTT_PORT, CITY_TIMEZONE, LOG_LEVEL.
While it runs, {"scenario":"burst"} published to simulator/command starts a scenario.
`

export interface ScenarioRequest {
  name: ScenarioName
  offsetMs: number
}
interface Common {
  seed: number
  scenarios: ScenarioRequest[]
  labels: string | null
}
export type Command =
  | { mode: 'help' }
  | { mode: 'write-seeds' }
  | (Common & { mode: 'live'; from: number; speed: number; startedAt: number })
  | (Common & { mode: 'history'; from: number; to: number; everyMs: number; beforeLive: boolean; out: string })
  | { mode: 'replay'; file: string; map: string | null; rebase: boolean }

export class UsageError extends Error {
  override name = 'UsageError'
}

function time(text: string, now: number, option: string): number {
  const back = text.startsWith('-') ? parseSpan(text.slice(1)) : null
  const at = back === null ? parseTime(text) : now - back
  if (at === null) throw new UsageError(`--${option} ${text}: neither a time with offset nor a span such as -24h`)
  return at
}

function scenario(text: string): ScenarioRequest {
  const [name = '', offset = '0s'] = text.split('@')
  const offsetMs = parseSpan(offset.replace(/^\+/, ''))
  if (!isScenarioName(name)) throw new UsageError(`--scenario ${name}: one of ${scenarioNames.join(', ')}`)
  if (offsetMs === null) throw new UsageError(`--scenario ${text}: the offset is a span such as 10m`)
  return { name, offsetMs }
}

const number = (text: string, option: string, min: number): number => {
  const n = Number(text)
  if (text.trim() === '' || !Number.isFinite(n) || n < min) throw new UsageError(`--${option} ${text}: a number from ${min}`)
  return n
}

const text = { type: 'string' } as const
const flag = { type: 'boolean' } as const
const options = {
  seed: text,
  speed: text,
  from: text,
  to: text,
  scenario: { type: 'string', multiple: true },
  labels: text,
  'write-seeds': flag,
  history: text,
  every: text,
  'before-live': flag,
  out: text,
  replay: text,
  map: text,
  rebase: flag,
  help: flag,
} as const

function parseOptions(args: string[]) {
  try {
    return parseArgs({ args, strict: true, allowPositionals: false, options }).values
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error), { cause: error })
  }
}

/** Reads the command line. Values that begin with a minus are joined to their option first, as in `--from -24h`. */
export function parseCommand(argv: readonly string[], now: number): Command {
  const joined: string[] = []
  for (let i = 0; i < argv.length; i++) {
    const arg = argv[i] ?? ''
    const next = argv[i + 1]
    if (/^--(from|to|out)$/.test(arg) && next?.startsWith('-')) {
      joined.push(`${arg}=${next}`)
      i++
    } else joined.push(arg)
  }
  const values = parseOptions(joined)
  if (values.help) return { mode: 'help' }
  if (values['write-seeds']) return { mode: 'write-seeds' }
  if (values.replay !== undefined) return { mode: 'replay', file: values.replay, map: values.map ?? null, rebase: values.rebase ?? false }
  const common: Common = {
    seed: Math.floor(number(values.seed ?? '1', 'seed', 0)),
    scenarios: (values.scenario ?? []).map(scenario),
    labels: values.labels ?? null,
  }
  if (values.history !== undefined) {
    const to = values.to === undefined ? now : time(values.to, now, 'to')
    const span = parseSpan(values.history)
    if (span === null) throw new UsageError(`--history ${values.history}: a span such as 24h`)
    const from = values.from === undefined ? to - span : time(values.from, now, 'from')
    const end = values.from !== undefined && values.to === undefined ? Math.min(now, from + span) : to
    if (from >= end) throw new UsageError('--history: it would be empty')
    const everyMs = values.every === undefined ? 0 : parseSpan(values.every)
    if (everyMs === null) throw new UsageError(`--every ${values.every}: a span such as 5m`)
    return { ...common, mode: 'history', from, to: end, everyMs, beforeLive: values['before-live'] ?? false, out: values.out ?? '-' }
  }
  const from = values.from === undefined ? now : time(values.from, now, 'from')
  if (from > now) throw new UsageError('--from lies in the future: the city never runs ahead of the clock')
  return { ...common, mode: 'live', from, speed: number(values.speed ?? '1', 'speed', 0.001), startedAt: now }
}
