import { kpis, type AlarmCell, type AlarmSummaryCell } from '@yiping/contract/screen'

/** Two stations, one alarm: a city as its snapshots tell it. */
export const start = Date.UTC(2026, 10, 23, 0, 42, 16)
export const registry = {
  version: '1',
  code: ['WS-P-0001', 'GS-V-0001'],
  name: ['金水区 文化路 1#', '管城回族区 航海东路 2#'],
  kind: ['ws_pressure', 'gs_void'],
  domain: ['water', 'gas'],
  district: ['410105', '410104'],
  lon: [113.6, 113.7],
  lat: [34.7, 34.7],
}
export const districts = {
  type: 'FeatureCollection',
  features: [
    {
      type: 'Feature',
      properties: { adcode: '410105', name: { zh: '金水区', en: 'Jinshui' }, parent: null, level: 'district', center: [113.6, 34.7] },
      geometry: {
        type: 'Polygon',
        coordinates: [
          [
            [113, 34],
            [114, 34],
            [114, 35],
            [113, 34],
          ],
        ],
      },
    },
    {
      type: 'Feature',
      properties: { adcode: '410104', name: { zh: '管城回族区', en: 'Guancheng' }, parent: null, level: 'district', center: [113.7, 34.7] },
      geometry: {
        type: 'Polygon',
        coordinates: [
          [
            [113, 34],
            [114, 34],
            [114, 35],
            [113, 34],
          ],
        ],
      },
    },
  ],
}
export const none = { 1: 0, 2: 0, 3: 0, 4: 0 }
export const alarm = (severity: 1 | 3): AlarmCell => ({
  ...{ id: 'a', rule: 'ws.pressure.low', name: { zh: '管网压力过低', en: 'pressure low' }, kind: 'limit', subject: 'WS-P-0001:ws.pressure', domain: 'water' },
  ...{ district: '410105', station: 'WS-P-0001', metric: 'ws.pressure', severity, state: 'unacked_active', activeAt: start - 221_000, rangAt: start - 221_000 },
  ...{ returnedAt: null, ackAt: null, ackBy: null, value: 0.148, limit: 0.16, source: { op: '<', text: 'GB', evidence: 'M' }, extreme: 0.148, unit: 'MPa' },
  ...{ cause: null, symptoms: 0, members: 0, assignedTo: null, escalation: 0, recurrences: 0, shelvedUntil: null },
})
export const alarmSummary = (): AlarmSummaryCell => ({
  open: { ...none, 3: 1 },
  unacked: { ...none, 3: 1 },
  domains: { water: { ...none, 3: 1 } },
  shelved: 0,
  suppressed: 0,
  outOfService: 0,
  rangIn10Min: 1,
  flood: false,
  worst: [alarm(3)],
})
export const cells = (): Record<string, unknown> => ({
  ...Object.fromEntries(kpis.map((k) => [`kpi:${k.code}`, { value: 42, asOf: start, coverage: { fresh: 6, expected: 6 }, numerator: 6, denominator: 6 }])),
  'domain:water': {
    stations: { online: 1, late: 0, offline: 0, maintenance: 0 },
    points: { fresh: 3, expected: 3 },
    exceeding: { ...none, 3: 1 },
    silentSince: null,
  },
  'domain:gas': { stations: { online: 1, late: 0, offline: 0, maintenance: 0 }, points: { fresh: 4, expected: 4 }, exceeding: none, silentSince: null },
  'station:WS-P-0001': { state: 'online', severity: 3 },
  'district:410105': { stations: { online: 1, late: 0, offline: 0, maintenance: 0 }, points: { fresh: 3, expected: 3 }, exceeding: { ...none, 3: 1 } },
  'beyond:WS-P-0001:ws.pressure': {
    station: 'WS-P-0001',
    metric: 'ws.pressure',
    value: 0.148,
    observedAt: start,
    since: start - 221_000,
    severity: 3,
    op: '<',
    limit: 0.16,
  },
  troubled: { total: 0, items: [] },
  truth: {
    points: { fresh: 7, expected: 7 },
    delayP95Ms: 420,
    spoolDepth: 0,
    spoolBytes: 0,
    spoolFull: false,
    lastCommitAt: start,
    balanceCloses: true,
    balanceOpen: { minutes: 0, difference: 0 },
    balance: { received: 12, stored: 10, duplicate: 1, conflict: 0, rejected: 1, waiting: 0 },
    database: 'up',
    broker: 'up',
    ingest: 'up',
    origin: 'simulator',
  },
})
