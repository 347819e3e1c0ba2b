import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { cells, rowsOf } from '../src/replay/csv.ts'
import { createDecoder, newTally, timeOf } from '../src/replay/decode.ts'
import { faultsOf, findMap, mapsFolder, readMap } from '../src/replay/map.ts'

describe('maps', () => {
  const files = readdirSync(mapsFolder).filter((f) => f.endsWith('.json'))
  it.each(files)('%s is right', (file) => {
    const map = readMap(join(mapsFolder, file))
    expect(map.stations.every((s) => s.kind === 'replay')).toBe(true)
    expect(map.origin).toContain('非郑州数据')
  })

  it.each([
    ['batadal_normal_1y.csv', 'batadal'],
    ['batadal_training2_attacks.csv', 'batadal'],
    ['gecco2018_train.csv.gz', 'gecco2018'],
    ['skab_labelled_dev.csv', 'skab'],
    ['scada_dev.csv', 'xai4heat'],
    ['p1_pipe_flow_1hz.csv', 'floodx'],
    ['drives.csv', 'gas_methane'],
    ['machine_temperature_system_failure.csv', 'nab_machine_temperature'],
  ])('%s belongs to %s', (file, dataset) => expect(findMap(`/somewhere/${file}`).dataset).toBe(dataset))

  it('say what is wrong with them', () => {
    const faults = faultsOf({
      files: [],
      ignored: [],
      origin: 'x',
      time: { column: 't', zone: 'UTC' },
      stations: [{ code: 'A B', name: 'a', kind: 'replay', domain: 'water', metrics: ['gs.flow'] }],
      columns: { a: { station: 'X', metric: 'ws.flow', scale: 0 }, b: { station: 'X', metric: 'ws.flow', scale: 1 } },
    })
    expect(faults.join('\n')).toMatch(/not a code[\s\S]*no metric gs\.flow[\s\S]*no scale[\s\S]*is taken/)
  })

  it('are asked for by name when a file is unknown', () => expect(() => findMap('mystery.csv')).toThrow('--map'))
})

describe('decoding', () => {
  const map = readMap(join(mapsFolder, 'xai4heat.json'))
  const header = [
    'substation',
    'time_local',
    't_ambient_c',
    't_ref_c',
    't_sup_prim_c',
    't_ret_prim_c',
    't_sup_sec_c',
    't_ret_sec_c',
    'energy_mwh_counter',
    'power_kw',
  ]

  it('counts what is empty, unreadable, without a time, and said twice', () => {
    const tally = newTally()
    const decode = createDecoder(map, header, tally)
    const row = ['L4', '2021-10-01T00:00:00', '7.3', '46.2', '', '16.9', '19', 'n/a', '10', '1000']
    expect(decode(row)).toEqual([
      { station: 'XAI4HEAT-L4', metric: 'ht.t_out', ts: Date.parse('2021-09-30T22:00:00Z'), value: 7.3 },
      { station: 'XAI4HEAT-L4', metric: 'ht.t1r', ts: Date.parse('2021-09-30T22:00:00Z'), value: 16.9 },
      { station: 'XAI4HEAT-L4', metric: 'ht.t2s', ts: Date.parse('2021-09-30T22:00:00Z'), value: 19 },
      { station: 'XAI4HEAT-L4', metric: 'ht.energy', ts: Date.parse('2021-09-30T22:00:00Z'), value: 36 },
      { station: 'XAI4HEAT-L4', metric: 'ht.power', ts: Date.parse('2021-09-30T22:00:00Z'), value: 3.6 },
    ])
    decode(row)
    decode(['L8', ...row.slice(1)])
    decode(['L4', 'yesterday', ...row.slice(2)])
    expect(tally).toEqual({ rows: 4, readings: 15, empty: 3, unreadable: 3, badTimes: 1, duplicates: 5 })
  })

  it('refuses a column that the map does not name', () => {
    expect(() => createDecoder(map, [...header, 'mystery'], newTally())).toThrow('mystery')
  })

  it.each([
    ['2021-10-01T00:00:00', 'Europe/Belgrade', '2021-09-30T22:00:00Z'],
    ['2021-12-01 00:00:00', 'Europe/Belgrade', '2021-11-30T23:00:00Z'],
    ['2017-03-14T21:34:07.221Z', 'Asia/Shanghai', '2017-03-14T21:34:07.221Z'],
    ['2014-01-06T00:00', 'UTC', '2014-01-06T00:00:00Z'],
    ['2014-01-06T08:00:00+08:00', 'UTC', '2014-01-06T00:00:00Z'],
  ])('%s of %s', (text, zone, iso) => expect(timeOf(text, zone)).toBe(Date.parse(iso)))
})

describe('csv', () => {
  let folder: string
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'replay-'))
  })
  afterEach(() => rmSync(folder, { recursive: true }))

  it('reads plain and gzip alike, whatever the line ends', async () => {
    const text = '\uFEFFa,b\r\n1,"x, ""y"""\r\n\r\n2,\r\n'
    writeFileSync(join(folder, 'a.csv'), text)
    writeFileSync(join(folder, 'a.csv.gz'), gzipSync(text))
    const rows = [
      ['a', 'b'],
      ['1', 'x, "y"'],
      ['2', ''],
    ]
    for (const name of ['a.csv', 'a.csv.gz']) {
      const read: string[][] = []
      for await (const row of rowsOf(join(folder, name))) read.push(row)
      expect(read).toEqual(rows)
    }
  })

  it('fails on a file that is not there', async () => {
    await expect(rowsOf(join(folder, 'none.csv')).next()).rejects.toThrow('ENOENT')
    expect(cells('1,,3')).toEqual(['1', '', '3'])
  })
})
