import { existsSync, readFileSync } from 'node:fs'
import { metricByCode, stationCodePattern, stationKinds } from '@yiping/contract'
import { describe, expect, it } from 'vitest'
import { contains, distanceKm, loadDistricts } from '../src/city/districts.ts'
import { buildCity } from '../src/city/registry.ts'
import { pipeSeedCsv, pipeSeedFile, seedCsv, seedFile } from '../src/city/seeds.ts'
import { loadPipes } from '../src/water/pipes.ts'

const city = buildCity()
const points = city.stations.flatMap((s) => s.metrics.map((m) => `${s.code} ${m}`))

describe('the registry', () => {
  it('is as large as the city that it stands for', () => {
    expect(city.stations.length).toBeGreaterThanOrEqual(2230)
    expect(points.length).toBeGreaterThanOrEqual(9500)
    expect(points.length).toBeLessThanOrEqual(10_500)
    expect(new Set(city.stations.map((s) => s.domain))).toEqual(new Set(['water', 'gas', 'heating', 'drainage']))
    expect(new Set(city.stations.map((s) => s.kind))).toEqual(new Set(stationKinds.map((k) => k.code)))
    expect(points.every((p) => metricByCode.has(p.split(' ')[1] ?? ''))).toBe(true)
  })

  it('says every code and every name once', () => {
    expect(new Set(city.stations.map((s) => s.code)).size).toBe(city.stations.length)
    expect(new Set(city.stations.map((s) => s.name)).size).toBe(city.stations.length)
    expect(city.stations.filter((s) => !stationCodePattern.test(s.code))).toEqual([])
    expect(city.stations.filter((s) => !/^[\u4e00-\u9fff]+[市区县] \S.*$/u.test(s.name))).toEqual([])
  })

  it('puts every station into its own district', () => {
    const byCode = new Map(city.districts.map((d) => [d.adcode, d]))
    const astray = city.stations.filter((s) => {
      const district = byCode.get(s.district)
      return !district || !contains(district, [s.lon, s.lat])
    })
    expect(astray).toEqual([])
  })

  it('reaches all twelve districts and is denser in the core', () => {
    const count = (adcode: string) => city.stations.filter((s) => s.district === adcode).length
    expect(city.districts.map((d) => d.adcode).filter((a) => count(a) < 50)).toEqual([])
    const core = ['410102', '410103', '410104', '410105', '410108'].reduce((sum, a) => sum + count(a), 0)
    expect(core / city.stations.length).toBeGreaterThan(0.5)
  })

  it('lets a gateway speak for neighbours of one kind', () => {
    for (const g of new Set(city.stations.map((s) => s.gateway).filter((g) => g !== null))) {
      const members = city.stations.filter((s) => s.gateway === g)
      expect(new Set(members.map((s) => `${s.kind} ${s.district}`)).size, g).toBe(1)
    }
  })

  it('knows who feeds whom: one step up, by a kind that can, and nobody where its models know nobody', () => {
    const byCode = new Map(city.stations.map((s) => [s.code, s]))
    const steps = new Set(city.stations.flatMap((s) => (s.feeder === null ? [] : [`${byCode.get(s.feeder)?.kind} ${s.kind}`])))
    expect([...steps].sort()).toEqual([
      ...['dr_pump dr_pipe', 'dr_pump dr_ponding', 'dr_pump dr_underpass', 'gs_gate gs_regulator', 'gs_regulator gs_user'],
      ...['ht_source ht_station', 'ht_station ht_room', 'ws_plant ws_booster', 'ws_plant ws_dma', 'ws_plant ws_pressure', 'ws_plant ws_quality'],
    ])
    expect(city.stations.filter((s) => s.kind === 'ht_station' && s.feeder === null)).toEqual([])
    expect(city.stations.filter((s) => (s.kind === 'gs_void' || s.kind === 'ht_source') && s.feeder !== null)).toEqual([])
  })

  it('is the committed seed file, byte for byte', () => {
    expect(existsSync(seedFile)).toBe(true)
    expect(readFileSync(seedFile, 'utf8')).toBe(seedCsv(buildCity()))
    expect(readFileSync(pipeSeedFile, 'utf8')).toBe(pipeSeedCsv(loadPipes()))
  })
})

describe('the districts', () => {
  it('are WGS 84: the seat of 金水区 lies some 570 m off its GCJ-02 place', () => {
    const jinshui = loadDistricts().find((d) => d.adcode === '410105')
    const off = distanceKm(jinshui?.center ?? [0, 0], [113.686037, 34.775838])
    expect(off).toBeGreaterThan(0.45)
    expect(off).toBeLessThan(0.7)
  })
})
