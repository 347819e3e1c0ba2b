import type { StationKindCode } from '@yiping/contract'

/** How many stations of each kind the city has, how they are coded and called, and whether a gateway speaks for them. */
export interface KindPlan {
  kind: StationKindCode
  code: string
  count: number
  /** The kind's word in a name. */
  noun: string
  /** What a name is built from. */
  place: 'road' | 'estate' | 'crossing' | 'river' | 'works'
  /** Stations that one gateway speaks for; 0: every device has a link of its own. */
  perGateway: number
  /** Adcodes that have the kind, one entry per station; undefined: spread by the districts' shares. */
  only?: readonly number[]
  /** The post that answers for such a station in its district; clearly none that exists. */
  owner?: string
}

export const plan: readonly KindPlan[] = [
  {
    kind: 'ws_plant',
    code: 'WS-W',
    count: 14,
    noun: '水厂',
    place: 'works',
    perGateway: 0,
    only: [410102, 410102, 410103, 410104, 410105, 410105, 410106, 410108, 410122, 410181, 410182, 410183, 410184, 410185],
  },
  { kind: 'ws_pressure', code: 'WS-P', count: 330, noun: '测压点', place: 'road', perGateway: 0 },
  { kind: 'ws_dma', code: 'WS-D', count: 120, noun: 'DMA 流量井', place: 'road', perGateway: 0, owner: '漏控班（模拟）' },
  { kind: 'ws_quality', code: 'WS-Q', count: 90, noun: '末梢水质点', place: 'estate', perGateway: 0 },
  { kind: 'ws_booster', code: 'WS-B', count: 180, noun: '二次供水泵房', place: 'estate', perGateway: 10 },
  {
    kind: 'gs_gate',
    code: 'GS-G',
    count: 8,
    noun: '门站',
    place: 'road',
    perGateway: 0,
    only: [410102, 410104, 410105, 410108, 410122, 410181, 410182, 410184],
  },
  { kind: 'gs_regulator', code: 'GS-R', count: 230, noun: '调压箱', place: 'road', perGateway: 0 },
  { kind: 'gs_void', code: 'GS-V', count: 420, noun: '阀井', place: 'road', perGateway: 0, owner: '燃气巡线班（模拟）' },
  { kind: 'gs_user', code: 'GS-U', count: 130, noun: '户前测点', place: 'estate', perGateway: 13 },
  {
    kind: 'ht_source',
    code: 'HT-H',
    count: 10,
    noun: '热源厂',
    place: 'road',
    perGateway: 0,
    only: [410102, 410103, 410104, 410105, 410108, 410122, 410181, 410182, 410183, 410184],
  },
  { kind: 'ht_station', code: 'HT-S', count: 185, noun: '换热站', place: 'estate', perGateway: 8 },
  { kind: 'ht_room', code: 'HT-R', count: 230, noun: '室温点', place: 'estate', perGateway: 20 },
  { kind: 'dr_ponding', code: 'DR-W', count: 95, noun: '积水点', place: 'crossing', perGateway: 0, owner: '排水所值班（模拟）' },
  { kind: 'dr_underpass', code: 'DR-U', count: 60, noun: '下穿', place: 'crossing', perGateway: 0, owner: '下穿值守组（模拟）' },
  { kind: 'dr_pump', code: 'DR-P', count: 60, noun: '雨水泵站', place: 'road', perGateway: 0, owner: '泵站值班长（模拟）' },
  { kind: 'dr_pipe', code: 'DR-L', count: 200, noun: '管网液位点', place: 'road', perGateway: 10 },
  { kind: 'dr_rain', code: 'DR-R', count: 52, noun: '雨量站', place: 'road', perGateway: 0 },
  { kind: 'dr_outfall', code: 'DR-O', count: 40, noun: '排口', place: 'river', perGateway: 0 },
  { kind: 'dr_user', code: 'DR-K', count: 80, noun: '排水户', place: 'road', perGateway: 0 },
]
