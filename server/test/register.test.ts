import type { StationRegistration } from '@yiping/contract'
import type { Applicant } from '@yiping/db'
import { describe, expect, it } from 'vitest'
import { kindFor, planRegistration } from '../src/register/plan.ts'

const waits = (code: string, waiting: [metric: string, domain?: string][], station: Applicant['station'] = null): Applicant => ({
  code,
  station,
  waiting: waiting.map(([metric, domain = null]) => ({ metric, domain })),
})
const registered = { name: '测点', kind: 'ws_pressure', domain: 'water' as const, district: null, lon: null, lat: null, feeder: null, metrics: ['ws.pressure'] }
const applicants = new Map(
  [
    waits('NEW', [
      ['ws.pressure', 'water'],
      ['ws.flow', 'water'],
      ['ws.nonsense', 'water'],
    ]),
    waits('GATEWAY', [['gs.ch4_lel']]),
    waits('MIXED', [['ws.flow'], ['gs.flow']]),
    waits('FOREIGN', [['x.y']]),
    waits(
      'OLD',
      [
        ['ws.flow', 'water'],
        ['gs.flow', 'gas'],
      ],
      registered,
    ),
    waits('ODD', [['ws.pressure_high', 'water']]),
    waits('DONE', [['ws.pressure', 'water']], registered),
    waits('SILENT', []),
  ].map((a) => [a.code, a]),
)
const plan = (...requests: StationRegistration[]) => planRegistration(requests, applicants, new Set(['410105']))
const faultsOf = (...requests: StationRegistration[]) => {
  const p = plan(...requests)
  return p.ok ? [] : p.faults.map((f) => f.code)
}

describe('a registration', () => {
  it('of a new station takes its code for its name, its kind from what it sends, and the metrics that the catalogue knows', () => {
    expect(plan({ code: 'NEW' })).toEqual({
      ok: true,
      registrations: [
        {
          code: 'NEW',
          metrics: ['ws.pressure', 'ws.flow'],
          station: { name: 'NEW', kind: 'ws_pressure', domain: 'water', district: null, lon: null, lat: null, feeder: null },
        },
      ],
    })
    expect(plan({ code: 'GATEWAY', name: '阀井 7', district: '410105', lon: 113.7, lat: 34.8 })).toMatchObject({
      registrations: [{ metrics: ['gs.ch4_lel'], station: { name: '阀井 7', kind: 'gs_void', domain: 'gas', district: '410105', lon: 113.7, lat: 34.8 } }],
    })
  })
  it('believes the operator before the topic', () => {
    expect(plan({ code: 'MIXED', domain: 'gas' })).toMatchObject({
      registrations: [{ metrics: ['gs.flow'], station: { domain: 'gas', kind: 'gs_regulator' } }],
    })
    expect(plan({ code: 'NEW', kind: 'ws_dma', metrics: ['ws.flow'] })).toMatchObject({
      registrations: [{ metrics: ['ws.flow'], station: { kind: 'ws_dma' } }],
    })
  })
  it('of a station that is there adds its missing points and changes nothing else', () => {
    expect(plan({ code: 'OLD' })).toEqual({ ok: true, registrations: [{ code: 'OLD', metrics: ['ws.flow'], station: null }] })
  })
  it('names who feeds it: one that is registered, or is with it', () => {
    const both = plan({ code: 'NEW', feeder: 'OLD' }, { code: 'GATEWAY', feeder: 'NEW' })
    expect(both.ok && both.registrations.map((r) => r.station?.feeder)).toEqual(['OLD', 'NEW'])
    expect(faultsOf({ code: 'NEW', feeder: 'SILENT' })).toEqual(['feeder_unknown'])
    expect(faultsOf({ code: 'NEW', feeder: 'NEW' })).toEqual(['feeder_unknown'])
    expect(faultsOf({ code: 'NEW', feeder: 'GATEWAY' }, { code: 'GATEWAY', feeder: 'NEW' })).toEqual(['feeder_unknown', 'feeder_unknown'])
  })

  it.each<[string, StationRegistration[], string[]]>([
    ['a code that is none', [{ code: 'two words' }], ['code_invalid']],
    ['a code twice', [{ code: 'NEW' }, { code: 'NEW' }], ['code_twice']],
    ['a station that nobody has heard', [{ code: 'NOBODY' }], ['nothing_waiting']],
    ['a station of which nothing waits', [{ code: 'SILENT' }], ['nothing_waiting']],
    ['a metric that does not wait', [{ code: 'NEW', metrics: ['ws.ph'] }], ['nothing_waiting']],
    ['a metric that no catalogue has', [{ code: 'NEW', metrics: ['ws.nonsense'] }], ['metric_unknown']],
    ['metrics that no catalogue has', [{ code: 'FOREIGN' }], ['metric_unknown']],
    ['a metric that is a point', [{ code: 'OLD', metrics: ['ws.pressure'] }], ['metric_registered']],
    ['metrics that all are points, their readings still on the way', [{ code: 'DONE' }], ['metric_registered']],
    ['metrics of two utilities', [{ code: 'MIXED' }], ['domain_unclear']],
    ['another utility than its metrics', [{ code: 'GATEWAY', domain: 'water', metrics: ['gs.ch4_lel'] }], ['domain_wrong']],
    ['a kind of another utility', [{ code: 'NEW', kind: 'gs_void', domain: 'water' }], ['domain_wrong']],
    ['a utility of another place', [{ code: 'OLD', domain: 'gas' }], ['domain_wrong']],
    ['a kind that is none', [{ code: 'NEW', kind: 'ws_well' }], ['kind_unknown']],
    ['metrics of no kind', [{ code: 'ODD' }], ['kind_unclear']],
    ['a district that is none', [{ code: 'NEW', district: '999999' }], ['district_unknown']],
    ['half a position', [{ code: 'NEW', lon: 113 }], ['position_invalid']],
    ['another name for a station that is there', [{ code: 'OLD', name: '别名' }], ['station_exists']],
    [
      'several faults, each of them told',
      [{ code: 'NEW', kind: 'ws_well', district: '1' }, { code: 'NOBODY' }],
      ['kind_unknown', 'district_unknown', 'nothing_waiting'],
    ],
  ])('is refused for %s', (_, requests, codes) => expect(faultsOf(...requests)).toEqual(codes))

  it('is of the kind that measures most of the metrics and least besides', () => {
    expect([
      kindFor(['ws.pressure', 'ws.tank_level'], 'water')?.code,
      kindFor(['dr.rain'], 'drainage')?.code,
      kindFor(['ht.t2s', 'ht.t_out'], 'heating')?.code,
      kindFor(['ws.pressure'], 'gas'),
    ]).toEqual(['ws_booster', 'dr_rain', 'ht_source', null])
  })
})
