import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { createLink, type Link } from '../src/publish/link.ts'
import { findMap } from '../src/replay/map.ts'
import { replay } from '../src/replay/replay.ts'
import { listen, silent, startBroker, type Broker } from './broker.ts'

const excerpts = fileURLToPath(new URL('../replay/excerpts/', import.meta.url))
let broker: Broker
let link: Link
let ear: Awaited<ReturnType<typeof listen>>

beforeEach(async () => {
  broker = await startBroker()
  ear = await listen(broker.url)
  link = createLink({ url: broker.url, log: silent, maxInFlight: 20 })
  await link.connected
})
afterEach(async () => {
  await link.stop()
  await ear.stop()
  await broker.stop()
})

/** The file as a test reads it: header and rows of text. */
const table = (name: string): { header: string[]; rows: string[][] } => {
  const [header = '', ...rows] = readFileSync(join(excerpts, name), 'utf8').trim().split('\n')
  return { header: header.split(','), rows: rows.map((r) => r.split(',')) }
}

describe('a replay publishes exactly what the file says', () => {
  // [file, column, station, metric, factor, time of a row]
  const utc = (text: string) => Date.parse(text.endsWith('Z') ? text : `${text}Z`)
  it.each<[string, string, string, string, number, (t: string) => number]>([
    ['batadal_excerpt.csv', 'l_t1', 'BATADAL-T1', 'ws.tank_level', 1, utc],
    ['batadal_excerpt.csv', 'f_pu1', 'BATADAL-PU1', 'ws.flow', 3.6, utc],
    ['batadal_excerpt.csv', 's_pu1', 'BATADAL-PU1', 'ws.pump_state', 1, utc],
    ['batadal_excerpt.csv', 'p_j280', 'BATADAL-J280', 'ws.pressure', 0.00980665, utc],
    ['p1_pipe_flow_excerpt.csv', 'flow', 'FLOODX-P1', 'dr.flow', 3.6, (t) => Date.parse(`${t}+02:00`)],
    ['drives_excerpt.csv', 'ch4_ppm', 'METHANE-CAR', 'gs.ch4_lel', 0.002, utc],
  ])('%s %s', async (name, column, station, metric, factor, timeOf) => {
    const { header, rows } = table(name)
    const tally = await replay({ file: join(excerpts, name), map: findMap(name), link, rebaseTo: null })
    await ear.until(() => ear.heard.length >= tally.readings)
    expect(tally.rows).toBe(rows.length)
    expect(ear.heard.length).toBe(tally.readings)
    const mine = ear.heard.filter((r) => r.station === station && r.metric === metric)
    const timeAt = header.findIndex((h) => /time/.test(h))
    const at = header.indexOf(column)
    expect(mine.map((r) => r.ts)).toEqual(rows.map((r) => timeOf(r[timeAt] ?? '')))
    for (const [i, r] of mine.entries()) expect(r.value).toBeCloseTo(Number(rows[i]?.[at]) * factor, 9)
    expect(tally).toMatchObject({ empty: 0, unreadable: 0, badTimes: 0, duplicates: 0 })
  })

  it('shifted so that the last reading is of now, with all distances kept', async () => {
    const now = Date.parse('2026-11-23T12:00:00Z')
    const { rows } = table('batadal_excerpt.csv')
    const tally = await replay({ file: join(excerpts, 'batadal_excerpt.csv'), map: findMap('batadal_excerpt.csv'), link, rebaseTo: now })
    await ear.until(() => ear.heard.length >= tally.readings)
    const ts = ear.heard.filter((r) => r.station === 'BATADAL-T1').map((r) => r.ts)
    expect(ts.at(-1)).toBe(now)
    expect(ts[0]).toBe(now - (rows.length - 1) * 3_600_000)
  })
})
