import { describe, expect, it } from 'vitest'
import { Errors } from 'typebox/value'
import { catalogue, exceeded, kpis, Metric, metricByCode, rollUpOfKind, stationKinds, trends, type Threshold } from '../src/index.ts'

/** Every code of the field's tables, and those that the tables imply. */
const wanted = `
  ws.pressure ws.pressure_high ws.dp_dt ws.flow ws.volume ws.mnf_ratio ws.leak_rate ws.turbidity ws.cl_out ws.cl_end ws.ph
  ws.tank_level ws.pump_state ws.pump_freq
  gs.ch4_lel gs.ch4_station gs.p_mid gs.p_low gs.p_reg_out gs.flow gs.volume gs.imbalance gs.c2h6 gs.cover_tilt
  gs.well_water gs.indoor gs.odorant
  ht.t1s ht.t1r ht.p1s ht.p1r ht.t2s ht.t2r ht.p2s ht.p2r ht.flow1 ht.power ht.energy ht.makeup_rate ht.room ht.room_hot
  ht.room_pass ht.pump_freq ht.t_out ht.outage ht.outage_households
  dr.ponding dr.underpass dr.fill dr.flow dr.velocity dr.rain dr.forebay dr.pump dr.pump_current dr.river dr.cod dr.nh3n
  dr.cond dr.h2s
`
  .trim()
  .split(/\s+/)

const metric = (code: string): Metric => {
  const m = metricByCode.get(code)
  if (!m) throw new Error(`no metric ${code}`)
  return m
}
const all = catalogue.map((m) => [m.code, m] as const)

describe('the catalogue', () => {
  it('has a day line over the same stations as the figure of that name', () => {
    const named = trends.flatMap((line) => kpis.filter((k) => k.name.zh === line.name.zh).map((k) => [line, k] as const))
    expect(named.map(([, k]) => k.code)).toContain('ht.supply_temp')
    for (const [line, k] of named)
      expect({ metric: line.metric, kinds: line.kinds }, k.code).toMatchObject({ metric: Reflect.get(k.aggregate, 'metric'), kinds: k.kinds })
  })

  it('holds every metric of the field, each once', () => {
    const codes = catalogue.map((m) => m.code)
    expect(new Set(codes).size).toBe(codes.length)
    expect(codes.toSorted()).toEqual(wanted.toSorted())
  })

  it('knows every metric that station kinds, KPIs and trends name', () => {
    const used = [...stationKinds.flatMap((k) => [...k.metrics]), ...kpis.map((k) => k.aggregate.metric), ...trends.map((t) => t.metric)]
    expect(used.filter((code) => !metricByCode.has(code))).toEqual([])
  })

  it('gives station kinds metrics of their own utility', () => {
    for (const kind of stationKinds) for (const code of kind.metrics) expect(metric(code).domain, `${kind.code} ${code}`).toBe(kind.domain)
  })

  it.each(all)('%s has the shape of its schema', (_, m) => {
    expect([...Errors(Metric, m)]).toEqual([])
  })

  it.each(all)('%s: typical values are physically possible and a report has a period', (_, m) => {
    expect(m.physical.min).toBeLessThan(m.physical.max)
    if (m.typical) {
      expect(m.typical.min).toBeLessThanOrEqual(m.typical.max)
      expect(m.typical.min).toBeGreaterThanOrEqual(m.physical.min)
      expect(m.typical.max).toBeLessThanOrEqual(m.physical.max)
    }
    expect(m.intervalS).toBeGreaterThan(0)
    if (m.alarmIntervalS !== null) expect(m.alarmIntervalS).toBeLessThan(m.intervalS)
    if (m.kind === 'state') expect(m.states?.length).toBeGreaterThan(0)
    if (m.derivedFrom !== undefined) expect(metricByCode.has(m.derivedFrom)).toBe(true)
  })

  it('rolls up by kind; a duration and its households so far keep the last', () => {
    const odd = catalogue.filter((m) => m.rollUp !== rollUpOfKind[m.kind]).map((m) => `${m.code} ${m.rollUp}`)
    expect(odd).toEqual(['ht.outage last', 'ht.outage_households last'])
  })
})

describe('automatic checks', () => {
  it.each(all)('%s: the believable range is possible, and holds the typical values and every limit', (_, m) => {
    const { range } = m.checks
    if (!range) return
    const limits = m.thresholds.filter((t) => t.basis === 'absolute').map((t) => t.value ?? 0)
    const least = Math.min(range.max, ...limits, ...(m.typical ? [m.typical.min] : []))
    const most = Math.max(range.min, ...limits, ...(m.typical ? [m.typical.max] : []))
    expect([range.min >= m.physical.min, range.max <= m.physical.max]).toEqual([true, true])
    expect([least >= range.min, most <= range.max]).toEqual([true, true])
  })

  it.each(all)('%s: a step may cross all that is typical but for slow things, and a flat line is longer than any pause of a device', (_, m) => {
    const { maxStep, flatAfterS, restsAt } = m.checks
    if (maxStep !== undefined && m.typical && !['ws.tank_level', 'ht.t_out'].includes(m.code)) expect(maxStep).toBeGreaterThan(m.typical.max - m.typical.min)
    if (flatAfterS !== undefined) expect(flatAfterS).toBeGreaterThanOrEqual(12 * m.intervalS)
    if (restsAt !== undefined) expect(flatAfterS).toBeDefined()
  })

  it('know for counters what they can count, for gauges what they can show; states and what passes or tilts go without', () => {
    const counters = catalogue.filter((m) => m.checks.maxRatePerHour !== undefined)
    expect(counters.map((m) => m.code)).toEqual(catalogue.filter((m) => m.kind === 'counter').map((m) => m.code))
    for (const m of counters) expect(m.checks.registerMax).toBeLessThanOrEqual(m.physical.max)
    expect(catalogue.filter((m) => Object.keys(m.checks).length === 0).map((m) => m.code)).toEqual([
      'ws.pump_state',
      'gs.cover_tilt',
      'ht.room_pass',
      'dr.pump',
    ])
  })

  it('let a jump of gas pass: it is what the sensor is there for', () => {
    for (const code of ['gs.ch4_lel', 'gs.ch4_station', 'gs.indoor', 'gs.c2h6', 'dr.h2s', 'ws.dp_dt']) expect(metric(code).checks.maxStep).toBeUndefined()
  })
})

describe('limits', () => {
  it.each(all)('%s: absolute limits are in its unit and can be reached', (_, m) => {
    for (const t of m.thresholds.filter((t) => t.basis === 'absolute')) {
      expect(t.unit).toBe(m.unit)
      expect(t.value).toBeGreaterThanOrEqual(m.physical.min)
      expect(t.value).toBeLessThanOrEqual(m.physical.max)
    }
  })

  it.each(all)('%s: a worse severity never has a milder limit', (_, m) => {
    const compared = m.thresholds.filter((t) => t.op !== null)
    const ladderOf = (t: Threshold) => `${t.basis} ${t.op?.[0] ?? ''} ${t.unit}`
    for (const name of new Set(compared.map(ladderOf))) {
      const ladder = compared.filter((t) => ladderOf(t) === name)
      const values = ladder.toSorted((a, b) => b.severity - a.severity).map((t) => t.value ?? Number.NaN)
      const worsens = (a: number, b: number) => (name.includes(' < ') ? b < a : b > a)
      for (let i = 1; i < values.length; i++) expect(worsens(values[i - 1] ?? 0, values[i] ?? 0), `${name}: ${values.join(', ')}`).toBe(true)
    }
  })

  it.each(all)('%s: a limit is a comparison or a rule in words, and says where it comes from', (_, m) => {
    for (const t of m.thresholds) {
      expect(t.sourceVerified).toBe(t.evidence === 'S')
      if (t.basis === 'condition') {
        expect([t.op, t.value]).toEqual([null, null])
        expect(t.condition).toBeDefined()
      } else {
        expect(t.op).not.toBeNull()
        expect(t.value).not.toBeNull()
      }
      if (t.op === 'outside') expect(['baseline', 'set_point', 'design', 'curve']).toContain(t.basis)
      expect(t.source === '工程经验值' ? t.evidence : 'named').toMatch(/J|named/)
    }
  })

  it('lets a red gas limit count from the first sample on, everything else from the second', () => {
    const red = catalogue
      .filter((m) => m.domain === 'gas')
      .flatMap((m) => m.thresholds)
      .filter((t) => t.severity === 1)
    expect(red.map((t) => t.holdSamples)).toEqual(red.map(() => 1))
    const others = catalogue
      .filter((m) => m.domain !== 'gas')
      .flatMap((m) => m.thresholds)
      .filter((t) => t.basis !== 'condition')
    expect(new Set(others.map((t) => t.holdSamples))).toEqual(new Set([2]))
    expect(new Set(catalogue.flatMap((m) => m.thresholds).map((t) => t.deadband))).toEqual(new Set([0.05]))
  })

  // [metric, severity, op, value, evidence]: the published ones, so that none goes astray.
  it.each<[string, number, Threshold['op'], number]>([
    ['ws.pressure', 2, '<', 0.14],
    ['ws.leak_rate', 4, '>', 9],
    ['ws.turbidity', 2, '>', 1],
    ['ws.cl_end', 2, '<', 0.05],
    ['ws.ph', 2, '<', 6.5],
    ['ws.ph', 2, '>', 8.5],
    ['gs.ch4_lel', 2, '>=', 20],
    ['gs.ch4_lel', 1, '>=', 50],
    ['gs.ch4_station', 2, '>=', 25],
    ['gs.ch4_station', 1, '>=', 50],
    ['ht.room', 4, '<', 18],
    ['ht.room', 3, '<', 17],
    ['ht.room_pass', 1, '<', 90],
    ['ht.outage', 1, '>', 48],
    ['dr.ponding', 2, '>=', 25],
    ['dr.underpass', 1, '>=', 25],
  ])('%s severity %d %s %d is verified', (code, severity, op, value) => {
    expect(metric(code).thresholds).toContainEqual(expect.objectContaining({ severity, op, value, evidence: 'S', sourceVerified: true }))
  })
})

describe('exceeded', () => {
  it.each([
    ['ws.pressure', 0.3, null],
    ['ws.pressure', 0.2, null],
    ['ws.pressure', 0.199, 4],
    ['ws.pressure', 0.15, 3],
    ['ws.pressure', 0.12, 2],
    ['ws.pressure', 0.05, 1],
    ['ws.cl_out', 0.6, null],
    ['ws.cl_out', 2.1, 2],
    ['ws.cl_out', 0.25, 2],
    ['ws.cl_out', 0.1, 1],
    ['ws.ph', 7.5, null],
    ['ws.ph', 8.4, 3],
    ['ws.ph', 9.1, 1],
    ['ws.ph', 5, 1],
    ['gs.ch4_lel', 4.9, null],
    ['gs.ch4_lel', 5, 4],
    ['gs.ch4_lel', 20, 2],
    ['gs.ch4_lel', 50, 1],
    ['gs.p_low', 2.4, null],
    ['gs.p_low', 3.2, 2],
    ['gs.p_low', 0.9, 1],
    ['ht.room', 18, null],
    ['ht.room', 17.9, 4],
    ['ht.t1s', 131, 1],
    ['dr.ponding', 14.9, 4],
    ['dr.ponding', 15, 3],
    ['dr.ponding', 41, 1],
    ['dr.underpass', 25, 1],
    ['dr.velocity', 1, null],
    ['dr.velocity', 0.1, 2],
    ['dr.velocity', 6, 1],
    // Relative limits and rules in words need more than one value.
    ['ws.flow', 0, null],
    ['ws.tank_level', 0, null],
    ['dr.rain', 60, null],
    ['ht.flow1', 0, null],
  ])('%s = %d → %s', (code, value, severity) => {
    expect(exceeded(metric(code), value)?.severity ?? null).toBe(severity)
  })
})
