import { parseArgs } from 'node:util'

export interface Options {
  names: readonly string[]
  /** How long `memory` and the soak run the city, min. */
  minutes: number
  /** Days of readings that the soak fits into its minutes; 0: time runs as it does. */
  days: number
  /** Rows of `ingest`, and how many pairs. */
  rows: number
  pairs: number
  /** Samples of `latency`. */
  samples: number
  /** Seed of jitter and of values. */
  seed: number
  /** `ingest` leaves a CPU profile of the ingest process in bench/results/. */
  profile: boolean
  /** A PostgreSQL server with TimescaleDB where databases may be made; without it the figures that need one are left out. */
  database: string | null
  /** Messages of one reading, and readings in messages of 100, of a run on that server. */
  messages: number
  readings: number
  /** Readings of `history`; its database stays on the server. */
  history: number
  /** The late rows of `history` go into the database itself, where there is no room for a copy of it: it is used up by that. */
  lateInPlace: boolean
  /** May install Node-RED from npm into a folder of its own. */
  nodeRed: boolean
}

export function readOptions(args: readonly string[], minutes: number): Options {
  const { values, positionals } = parseArgs({
    args: [...args],
    allowPositionals: true,
    options: {
      minutes: { type: 'string' },
      days: { type: 'string' },
      rows: { type: 'string' },
      pairs: { type: 'string' },
      samples: { type: 'string' },
      seed: { type: 'string' },
      profile: { type: 'boolean' },
      database: { type: 'string' },
      messages: { type: 'string' },
      readings: { type: 'string' },
      history: { type: 'string' },
      'late-in-place': { type: 'boolean' },
      'node-red': { type: 'boolean' },
    },
  })
  const number = (name: 'minutes' | 'days' | 'rows' | 'pairs' | 'samples' | 'seed' | 'messages' | 'readings' | 'history', fallback: number): number => {
    const text = values[name]
    if (text === undefined) return fallback
    const value = Number(text)
    if (!Number.isFinite(value) || value <= 0) throw new Error(`--${name} ${text}: a number above 0`)
    return value
  }
  return {
    names: positionals,
    minutes: number('minutes', minutes),
    days: values.days === undefined ? 0 : number('days', 0),
    rows: number('rows', 300_000),
    pairs: number('pairs', 3),
    samples: number('samples', 120),
    seed: number('seed', 1),
    profile: values.profile ?? false,
    database: values.database ?? (process.env.TEST_DATABASE_URL || null),
    // As many as make what a process learns in its first second small beside the rest.
    messages: number('messages', 1_000_000),
    readings: number('readings', 3_000_000),
    history: number('history', 10_000_000),
    lateInPlace: values['late-in-place'] === true,
    nodeRed: values['node-red'] ?? false,
  }
}
