import { historyChannel } from './channels.ts'
import { createPool, type Pool } from './connection.ts'
import { workOutMeters } from './count-meters.ts'
import { csvRecords } from './import-csv.ts'
import { importFile, importStations, repairImported } from './import-file.ts'
import { importReadings } from './import-readings.ts'
import type { ImportRefusal } from './import-record.ts'
import { type ImportState, noneImported } from './import-state.ts'
import { notify } from './notify.ts'
import { refreshRollups } from './refresh-rollups.ts'

const hourMs = 3_600_000
const sayEveryMs = 2000
/** Refusals that are told one by one; all of them stand in `rejection`. */
const toldMost = 20

/** `import-readings`: one file after another; a refused row makes the exit code 1. */
export async function runImport(url: string, args: readonly string[], retentionMs: number, say: (line: string) => void): Promise<void> {
  const pool = createPool({ connectionString: url, applicationName: 'yiping-import', max: 2 })
  try {
    // Nobody else is served by the embedded database while a batch goes in.
    const { rows } = await pool.query<{ small: boolean }>("select version() like '%emcc%' as small")
    const settings = { now: Date.now, retentionMs, batchRows: rows[0]?.small === false ? 100_000 : 10_000, onRefused: teller(say) }
    const again = args.includes('--again')
    let stored = 0
    for (const file of args.filter((a) => a !== '--again'))
      stored += await (file === '-' ? fromInput(pool, settings, say) : fromFile(pool, file, { ...settings, again }, say))
    if (stored === 0) return
    await notify(pool, historyChannel, '')
    if (!(await repairImported(pool, (hours) => say(`roll-ups: ${hours} hours worked out again`)))) say('roll-ups: left to the ingest process that keeps house')
    await notify(pool, historyChannel, '')
  } finally {
    await pool.end()
  }
}

type Settings = Parameters<typeof importFile>[2]

async function fromFile(pool: Pool, path: string, settings: Settings, say: (line: string) => void): Promise<number> {
  const started = Date.now()
  let said = started
  let from: number | null = null
  const { state, before, already } = await importFile(pool, path, {
    ...settings,
    onProgress: (s, share) => {
      from ??= s.read
      if (Date.now() - said < sayEveryMs) return
      said = Date.now()
      const rate = Math.round((s.read - from) / ((said - started) / 1000))
      say(`${path}: ${(100 * share).toFixed(0)} %, ${s.read} rows read, ${s.stored} stored, ${rate} rows/s`)
    },
  })
  if (already) {
    say(`${path}: is in since an earlier run: ${account(state)} (--again reads it once more)`)
    return 0
  }
  if (state.conflict > 0) say(`${path}: of ${state.conflict} readings another value is stored, which stays (npm run db -- conflicts)`)
  if (before > 0) say(`${path}: went on after ${before} rows of an earlier run`)
  say(`${path}: ${account(state)}, ${((Date.now() - started) / 1000).toFixed(1)} s`)
  if (state.refused > 0) process.exitCode = 1
  return state.stored
}

async function fromInput(pool: Pool, settings: Settings, say: (line: string) => void): Promise<number> {
  const started = Date.now()
  let said = started
  const state = await importReadings(pool, csvRecords(process.stdin), {
    ...settings,
    state: noneImported('-'),
    key: null,
    station: await importStations(pool),
    onProgress: (s) => {
      if (Date.now() - said < sayEveryMs) return
      said = Date.now()
      say(`${s.read} rows read, ${s.stored} stored, ${Math.round(s.read / ((said - started) / 1000))} rows/s`)
    },
  })
  say(`${account(state)}, ${((Date.now() - started) / 1000).toFixed(1)} s`)
  if (state.refused > 0) process.exitCode = 1
  // A stream is not gone on with: its roll-ups follow at once, newest first.
  await notify(pool, historyChannel, '')
  for (const [from, to] of state.hours.toReversed()) await refreshRollups(pool, from * hourMs, to * hourMs - 1)
  for (const [from, to] of state.hours) await workOutMeters(pool, from * hourMs, to * hourMs)
  await notify(pool, historyChannel, '')
  return 0
}

export const account = (s: ImportState): string =>
  `${s.read} rows = ${s.stored} stored + ${s.duplicate} duplicate + ${s.conflict} conflict + ${s.refused} refused`

export function teller(say: (line: string) => void): (refusal: ImportRefusal) => void {
  let told = 0
  return ({ line, reason, detail }) => {
    told += 1
    if (told <= toldMost) say(`line ${line} refused, ${reason}: ${detail}`)
    if (told === toldMost) say('further refusals stand in the table rejection')
  }
}
