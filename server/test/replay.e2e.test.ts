import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { gunzipSync } from 'node:zlib'
import { fromLocal, metricByCode } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { createPool, type Pool } from '@yiping/db'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { readRunFile, type RunFile } from '../start/run-file.ts'
import { fetch, letTestsIn } from './signed-in.ts'

const root = join(dirname(fileURLToPath(import.meta.url)), '..', '..')
const maps = join(root, 'simulator/replay/maps')
const excerpts = join(root, 'simulator/replay/excerpts')
/** Where the whole data sets lie, when they are here: see simulator/replay/excerpts/README.md for their origin. */
const whole = process.env.REAL_DATA ?? join(root, '..', 'shared', 'data')

interface Case {
  map: string
  file: string
  /** Takes minutes: only with FULL_REPLAY=1. */
  long?: boolean
}
const cases: Case[] = [
  { map: 'batadal', file: join(excerpts, 'batadal_excerpt.csv') },
  { map: 'gas_methane', file: join(excerpts, 'drives_excerpt.csv') },
  { map: 'floodx', file: join(excerpts, 'p1_pipe_flow_excerpt.csv') },
  { map: 'floodx', file: join(whole, 'drainage_floodx/p1_pipe_flow_1hz.csv') },
  { map: 'gas_methane', file: join(whole, 'gas_methane_survey/drives.csv') },
  { map: 'gecco2018', file: join(whole, 'water_gecco2018/gecco2018_train_excerpt_5d.csv') },
  { map: 'skab', file: join(whole, 'water_skab/skab_labelled_dev.csv') },
  { map: 'nab_machine_temperature', file: join(whole, 'nab_subset/realKnownCause/machine_temperature_system_failure.csv') },
  { map: 'nab_ambient_temperature', file: join(whole, 'nab_subset/realKnownCause/ambient_temperature_system_failure.csv'), long: true },
  { map: 'skab', file: join(whole, 'water_skab/skab_anomaly_free.csv'), long: true },
  { map: 'batadal', file: join(whole, 'water_batadal/batadal_training2_attacks.csv'), long: true },
  { map: 'batadal', file: join(whole, 'water_batadal/batadal_normal_1y.csv'), long: true },
  { map: 'xai4heat', file: join(whole, 'heat_xai4heat/scada_dev.csv'), long: true },
  { map: 'gecco2018', file: join(whole, 'water_gecco2018/gecco2018_train.csv.gz'), long: true },
]
const here = cases.filter((c) => existsSync(c.file) && (!c.long || process.env.FULL_REPLAY === '1'))

let folder: string
let city: ChildProcess
let run: RunFile
let pool: Pool

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'yiping-replay-'))
  city = spawn(process.execPath, [join(root, 'server/dist/start.js')], {
    // The data are up to twelve years old and keep their own times.
    env: { ...process.env, DATABASE_URL: '', MQTT_URL: '', DATA_DIR: folder, PORT: '0', MQTT_PORT: '0', SIMULATOR: 'off', RETENTION_DAYS: '36500' },
    stdio: 'ignore',
  })
  run = await until(
    'everything runs',
    async () => {
      const r = await readRunFile(folder)
      return r !== null && r.services.length === 4 && r.services.every((s) => s.state === 'running') && r
    },
    60_000,
  )
  pool = createPool({ connectionString: run.databaseUrl, applicationName: 'test', max: 2 })
  await letTestsIn(run.databaseUrl)
})
afterAll(async () => {
  await pool?.end()
  if (city.exitCode === null) {
    city.kill('SIGTERM')
    await new Promise((resolve) => city.once('exit', resolve))
  }
  await rm(folder, { recursive: true, force: true })
})

interface MapFile {
  origin: string
  time: { column: string; zone: string }
  stationColumn?: string
  columns: Record<string, { station: string; metric: string; scale: number; offset?: number }>
}
interface Expected {
  rows: Map<string, number>
  readings: number
  duplicate: number
  conflict: number
  refused: number
}

/** What the database must hold, read off the file by other code than the simulator's. */
async function expectedOf(map: MapFile, file: string): Promise<Expected> {
  const raw = await readFile(file)
  const [head = '', ...lines] = (file.endsWith('.gz') ? gunzipSync(raw) : raw)
    .toString('utf8')
    .split(/\r?\n/)
    .filter((l) => l !== '')
  const header = head.split(',')
  const out: Expected = { rows: new Map(), readings: 0, duplicate: 0, conflict: 0, refused: 0 }
  for (const line of lines) {
    const cell = Object.fromEntries(line.split(',').map((text, i) => [header[i] ?? '', text]))
    const time = cell[map.time.column] ?? ''
    const [, y, mo, d, h, mi, s = '0', fraction = '0'] = /^(\d+)-(\d+)-(\d+)[T ](\d+):(\d+)(?::(\d+)(?:\.(\d+))?)?/.exec(time) ?? []
    const at = /Z$/.test(time)
      ? Date.parse(time)
      : fromLocal({ year: Number(y), month: Number(mo), day: Number(d), hour: Number(h), minute: Number(mi), second: Number(s) }, map.time.zone) +
        Number(`0.${fraction}`) * 1000
    for (const [name, column] of Object.entries(map.columns)) {
      const text = cell[name] ?? ''
      if (text === '') continue
      out.readings += 1
      const exact = Number(text) * column.scale + (column.offset ?? 0)
      const value = column.scale === 1 && !column.offset ? exact : Number(exact.toPrecision(12))
      const physical = metricByCode.get(column.metric)?.physical
      if (!physical || value < physical.min || value > physical.max) {
        out.refused += 1
        continue
      }
      const key = `${column.station.replace('{}', cell[map.stationColumn ?? ''] ?? '')} ${column.metric} ${at}`
      const first = out.rows.get(key)
      if (first === undefined) out.rows.set(key, value)
      else if (first === value) out.duplicate += 1
      else out.conflict += 1
    }
  }
  return out
}

describe.each(here.map((c) => [basename(c.file), c] as const))('the replay of %s', (_name, { map: mapName, file }) => {
  it('leaves in the database what the file holds, row for row', async () => {
    const mapFile = join(maps, `${mapName}.json`)
    const map = JSON.parse(await readFile(mapFile, 'utf8')) as MapFile
    const expected = await expectedOf(map, file)
    const env = { ...process.env, DATABASE_URL: run.databaseUrl, MQTT_URL: run.mqttUrl }
    await pool.query('truncate reading, latest, rejection, ingest_balance')
    await promisify(execFile)(process.execPath, [join(root, 'db/dist/main.js'), 'seed', mapFile], { env })
    const codes = (await pool.query<{ code: string }>('select code from station where origin = $1', [map.origin])).rows.map((r) => r.code)
    expect(codes.length).toBeGreaterThan(0)
    const { stdout } = await promisify(execFile)(process.execPath, [join(root, 'simulator/dist/bin/main.js'), '--replay', file, '--map', mapFile], {
      env,
      maxBuffer: 1 << 24,
    })
    expect(Number(/readings published (\d+)/.exec(stdout)?.[1])).toBe(expected.readings)

    const sums = async () =>
      (
        await pool.query<Record<'received' | 'stored' | 'duplicate' | 'conflict' | 'rejected', number>>(
          'select sum(received)::int as received, sum(stored)::int as stored, sum(duplicate)::int as duplicate, sum(conflict)::int as conflict, sum(rejected)::int as rejected from ingest_balance',
        )
      ).rows[0]
    await until('everything settled', async () => (await sums())?.received === expected.readings, 120_000)
    expect(await sums()).toEqual({
      received: expected.readings,
      stored: expected.rows.size,
      duplicate: expected.duplicate,
      conflict: expected.conflict,
      rejected: expected.refused,
    })

    const { rows } = await pool.query<{ key: string; value: number }>(
      `select s.code || ' ' || p.metric || ' ' || (extract(epoch from r.observed_at) * 1000)::bigint as key, r.value
       from plain_reading r join point p on p.id = r.point_id join station s on s.id = p.station_id`,
    )
    expect(rows.length).toBe(expected.rows.size)
    expect(rows.filter((r) => expected.rows.get(r.key) !== r.value)).toEqual([])
    console.log(
      `${basename(file)}: ${expected.readings} readings = ${expected.rows.size} stored + ${expected.duplicate} duplicate + ${expected.conflict} conflict + ${expected.refused} out of range`,
    )
  }, 600_000)

  it('is labelled with its origin and not counted as the city’s own', async () => {
    const overview = (await (await fetch(`${run.address}/api/v1/overview`)).json()) as { domains: { points: { fresh: number } }[] }
    expect(overview.domains.reduce((n, d) => n + d.points.fresh, 0)).toBe(0)
    const map = JSON.parse(await readFile(join(maps, `${mapName}.json`), 'utf8')) as MapFile & { stations: { code: string }[] }
    const station = (await (await fetch(`${run.address}/api/v1/stations/${map.stations[0]?.code}`)).json()) as { origin: string; lon: null }
    expect(station).toMatchObject({ origin: map.origin, district: null, lon: null })
  })
})
