import type { Bilingual, DomainCode } from '../domain.ts'

/** What a station is, and with it what it measures: a station of a kind has one point per metric named here. */
export interface StationKind {
  code: string
  domain: DomainCode
  name: Bilingual
  metrics: readonly string[]
}

export const stationKinds = [
  {
    code: 'ws_plant',
    domain: 'water',
    name: { zh: '水厂', en: 'Water works' },
    metrics: ['ws.flow', 'ws.volume', 'ws.pressure', 'ws.turbidity', 'ws.cl_out', 'ws.ph', 'ws.tank_level', 'ws.pump_state', 'ws.pump_freq'],
  },
  { code: 'ws_pressure', domain: 'water', name: { zh: '管网压力点', en: 'Network pressure point' }, metrics: ['ws.pressure', 'ws.flow', 'ws.dp_dt'] },
  {
    code: 'ws_dma',
    domain: 'water',
    name: { zh: 'DMA 计量点', en: 'DMA meter' },
    metrics: ['ws.flow', 'ws.volume', 'ws.pressure', 'ws.mnf_ratio', 'ws.leak_rate'],
  },
  { code: 'ws_quality', domain: 'water', name: { zh: '末梢水质点', en: 'Tap-end quality point' }, metrics: ['ws.turbidity', 'ws.cl_end', 'ws.ph'] },
  {
    code: 'ws_booster',
    domain: 'water',
    name: { zh: '二次供水泵房', en: 'Booster station' },
    metrics: ['ws.pressure', 'ws.flow', 'ws.tank_level', 'ws.pump_state', 'ws.pump_freq'],
  },
  {
    code: 'gs_gate',
    domain: 'gas',
    name: { zh: '门站', en: 'City gate station' },
    metrics: ['gs.flow', 'gs.volume', 'gs.p_mid', 'gs.ch4_station', 'gs.imbalance', 'gs.odorant'],
  },
  { code: 'gs_regulator', domain: 'gas', name: { zh: '调压站箱', en: 'Pressure regulator' }, metrics: ['gs.p_mid', 'gs.p_reg_out', 'gs.flow'] },
  { code: 'gs_void', domain: 'gas', name: { zh: '燃气阀井', en: 'Valve chamber' }, metrics: ['gs.ch4_lel', 'gs.c2h6', 'gs.well_water', 'gs.cover_tilt'] },
  { code: 'gs_user', domain: 'gas', name: { zh: '户前监测点', en: 'Service point' }, metrics: ['gs.p_low', 'gs.indoor'] },
  {
    code: 'ht_source',
    domain: 'heating',
    name: { zh: '热源', en: 'Heat source' },
    metrics: ['ht.t1s', 'ht.t1r', 'ht.p1s', 'ht.p1r', 'ht.flow1', 'ht.power', 'ht.energy', 'ht.makeup_rate', 'ht.pump_freq', 'ht.t_out'],
  },
  {
    code: 'ht_station',
    domain: 'heating',
    name: { zh: '换热站', en: 'Substation' },
    metrics: [
      'ht.t1s',
      'ht.t1r',
      'ht.p1s',
      'ht.p1r',
      'ht.t2s',
      'ht.t2r',
      'ht.p2s',
      'ht.p2r',
      'ht.flow1',
      'ht.power',
      'ht.energy',
      'ht.makeup_rate',
      'ht.pump_freq',
    ],
  },
  { code: 'ht_room', domain: 'heating', name: { zh: '室温监测点', en: 'Indoor temperature point' }, metrics: ['ht.room'] },
  { code: 'dr_ponding', domain: 'drainage', name: { zh: '道路积水点', en: 'Road ponding point' }, metrics: ['dr.ponding'] },
  { code: 'dr_underpass', domain: 'drainage', name: { zh: '下穿立交', en: 'Underpass' }, metrics: ['dr.underpass', 'dr.rain'] },
  {
    code: 'dr_pump',
    domain: 'drainage',
    name: { zh: '排水泵站', en: 'Drainage pumping station' },
    metrics: ['dr.forebay', 'dr.pump', 'dr.pump_current', 'dr.flow'],
  },
  { code: 'dr_pipe', domain: 'drainage', name: { zh: '管网液位点', en: 'Sewer level point' }, metrics: ['dr.fill', 'dr.flow', 'dr.velocity', 'dr.h2s'] },
  { code: 'dr_rain', domain: 'drainage', name: { zh: '雨量站', en: 'Rain gauge' }, metrics: ['dr.rain'] },
  { code: 'dr_outfall', domain: 'drainage', name: { zh: '排口', en: 'Outfall' }, metrics: ['dr.river'] },
  { code: 'dr_user', domain: 'drainage', name: { zh: '重点排水户', en: 'Key discharger' }, metrics: ['dr.cod', 'dr.nh3n', 'dr.cond'] },
] as const satisfies readonly StationKind[]

export type StationKindCode = (typeof stationKinds)[number]['code']
