import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  alarmId,
  type AlarmEvent,
  type AlarmInput,
  type AlarmState,
  alarmState,
  type AlarmStateName,
  type Annunciation,
  calm,
  defaultRules,
  emptyMemory,
  heatingSeason,
  hiddenNow,
  type Level,
  maxShelveMs,
  measure,
  type MeasureContext,
  metricByCode,
  occurrenceState,
  reduceAlarm,
  remember,
  type Severity,
  severityOf,
} from '../src/index.ts'

const minute = 60_000
const how = (more: Partial<Annunciation> = {}): Annunciation => ({
  holdSamples: [1, 1, 1, 1],
  onDelayMs: 0,
  offDelayMs: 0,
  latches: false,
  speaksMs: 60 * minute,
  ...more,
})
const level = (at: number, severity: Severity | null, late = false): AlarmInput => ({ kind: 'level', at: at * minute, severity, late })
const tick = (at: number): AlarmInput => ({ kind: 'tick', at: at * minute })
const act = (kind: 'ack' | 'reset' | 'unshelve' | 'release' | 'take_out' | 'put_back', at = 50): AlarmInput => ({ kind, at: at * minute })
const shelve = (at: number, minutes: number): AlarmInput => ({ kind: 'shelve', at: at * minute, until: (at + minutes) * minute })
const suppress: AlarmInput = { kind: 'suppress', at: 50 * minute, by: 'maintenance' }

function run(inputs: readonly AlarmInput[], by = how()): { state: AlarmState; events: AlarmEvent[] } {
  let state = calm
  const events: AlarmEvent[] = []
  for (const input of inputs) {
    const step = reduceAlarm(state, input, by)
    state = step.state
    events.push(...step.events)
  }
  return { state, events }
}
const nameOf = (s: AlarmState): AlarmStateName => (s.occurrence === null ? 'normal' : alarmState(s.occurrence, s))
const said = (events: readonly AlarmEvent[]): string[] => events.map((e) => `${e.what}${e.ring ? '!' : ''}`)

describe('the table of states', () => {
  const latching = how({ latches: true })
  it.each<[string, AlarmInput[], AlarmStateName, string, Annunciation?]>([
    ['normal: condition met', [level(1, 3)], 'unacked_active', 'activated!'],
    ['unacked_active: acknowledged', [level(1, 3), act('ack')], 'acked_active', 'acked'],
    ['unacked_active: clear', [level(1, 3), level(2, null)], 'returned_unacked', 'returned'],
    ['acked_active: a worse level', [level(1, 3), act('ack'), level(60, 2)], 'unacked_active', 'escalated!'],
    ['acked_active: a better level', [level(1, 2), act('ack'), level(60, 3)], 'acked_active', 'lowered'],
    ['acked_active: clear', [level(1, 3), act('ack'), level(60, null)], 'normal', 'returned'],
    ['acked_active: clear, latches', [level(1, 3), act('ack'), level(60, null)], 'latched', 'returned', latching],
    ['returned_unacked: acknowledged', [level(1, 3), level(2, null), act('ack')], 'normal', 'acked'],
    ['returned_unacked: acknowledged, latches', [level(1, 3), level(2, null), act('ack')], 'latched', 'acked', latching],
    ['returned_unacked: met again', [level(1, 3), level(2, null), level(3, 4)], 'unacked_active', 'activated!'],
    ['latched: reset', [level(1, 3), act('ack'), level(60, null), act('reset', 61)], 'normal', 'reset', latching],
    ['latched: met again', [level(1, 3), act('ack'), level(60, null), level(61, 3)], 'unacked_active', 'activated!', latching],
    ['shelved: until unshelved', [level(1, 3), shelve(2, 60)], 'shelved', 'shelved'],
    ['shelved: unshelved', [level(1, 3), shelve(2, 60), act('unshelve')], 'unacked_active', 'unshelved!'],
    ['shelved: its end', [level(1, 3), shelve(2, 60), tick(62)], 'unacked_active', 'unshelved!'],
    ['shelved: its end, acknowledged before', [level(1, 3), act('ack', 2), shelve(2, 60), tick(62)], 'acked_active', 'unshelved'],
    ['shelved: longer than eight hours is refused', [level(1, 3), shelve(2, maxShelveMs / minute + 1)], 'unacked_active', 'activated!'],
    ['suppressed: while its design says so', [level(1, 3), suppress], 'suppressed', 'suppressed'],
    ['suppressed: released', [level(1, 3), suppress, act('release')], 'unacked_active', 'released!'],
    ['out_of_service: taken out', [level(1, 3), act('take_out')], 'out_of_service', 'out_of_service'],
    ['out_of_service: put back', [level(1, 3), act('take_out'), act('put_back')], 'unacked_active', 'in_service!'],
    ['out_of_service is stronger than shelved', [level(1, 3), shelve(2, 60), act('take_out', 3)], 'out_of_service', 'out_of_service'],
  ])('%s', (_, inputs, state, last, by = how()) => {
    const done = run(inputs, by)
    expect(nameOf(done.state)).toBe(state)
    expect(said(done.events).at(-1)).toBe(last)
  })

  it('does not ring for what is hidden, and tells of it when it is shown', () => {
    expect(said(run([suppress, level(60, 3), act('release', 61)]).events)).toEqual(['suppressed', 'activated', 'released!'])
    expect(said(run([shelve(1, 60), level(2, 3), level(3, 1), tick(70)]).events)).toEqual(['shelved', 'activated', 'escalated', 'unshelved!'])
    expect(said(run([act('take_out', 1), level(2, 3), level(3, null), act('put_back')]).events)).toEqual([
      'out_of_service',
      'activated',
      'returned',
      'in_service',
    ])
  })
})

describe('delays', () => {
  it('need so many readings in a row', () => {
    const twice = how({ holdSamples: [1, 2, 2, 2] })
    expect(run([level(1, 3), level(2, null), level(3, 3)], twice).events).toEqual([])
    expect(said(run([level(1, 3), level(2, 3)], twice).events)).toEqual(['activated!'])
    expect(run([level(1, 3), level(2, 2)], twice).events, 'as bad as 3 twice, as 2 once').toMatchObject([{ severity: 3 }])
    expect(run([level(1, 1)], twice).events).toMatchObject([{ severity: 1 }])
  })

  it('end at their own moment, whether a reading or a tick sees it', () => {
    const slow = how({ onDelayMs: 5 * minute, offDelayMs: 5 * minute })
    expect(run([level(1, 3), level(5, 3)], slow).events).toEqual([])
    expect(run([level(1, 3), level(5, 3), tick(7)], slow).events).toMatchObject([{ what: 'activated', at: 6 * minute }])
    expect(run([level(1, 3), level(6, 3)], slow).events).toMatchObject([{ what: 'activated', at: 6 * minute }])
    expect(run([level(1, 3), level(6, 3), level(7, null), tick(15)], slow).events).toMatchObject([{}, { what: 'returned', at: 12 * minute }])
    expect(run([level(1, 3), level(6, 3), level(7, null), level(11, 3), level(13, null), tick(17)], slow).events).toHaveLength(1)
  })

  it('are fulfilled by no silence that is longer than a reading speaks', () => {
    expect(run([level(1, 3), tick(100)], how({ onDelayMs: 5 * minute })).events).toEqual([])
  })

  it('that a tick ended are not undone by a reading from before', () => {
    const slow = how({ onDelayMs: 5 * minute })
    const { events, state } = run([level(1, 3), tick(7), level(5, null)], slow)
    expect(events).toMatchObject([
      { what: 'activated', at: 6 * minute },
      { what: 'returned', at: 6 * minute },
    ])
    expect(state.occurrence).toMatchObject({ activeAt: 6 * minute, returnedAt: 6 * minute })
  })
})

describe('late readings', () => {
  it('open a quiet alarm, which rings when today says the same', () => {
    expect(said(run([level(1, 3, true), level(2, 3, true)]).events)).toEqual(['activated'])
    expect(said(run([level(1, 3, true), level(2, 3)]).events)).toEqual(['activated', 'rang!'])
    expect(nameOf(run([level(1, 3, true), level(2, null, true)]).state)).toBe('normal')
  })
})

describe('whatever happens in whatever order', () => {
  const severity = fc.constantFrom<(Severity | null)[]>(null, null, 1, 2, 3, 4)
  const time = fc.integer({ min: 0, max: 200 })
  const input: fc.Arbitrary<AlarmInput> = fc.oneof(
    { weight: 6, arbitrary: fc.record({ kind: fc.constant('level' as const), at: time.map((t) => t * minute), severity, late: fc.boolean() }) },
    { weight: 2, arbitrary: fc.record({ kind: fc.constant('tick' as const), at: time.map((t) => t * minute) }) },
    {
      weight: 2,
      arbitrary: fc.record({
        kind: fc.constantFrom('ack' as const, 'reset' as const, 'unshelve' as const, 'release' as const, 'take_out' as const, 'put_back' as const),
        at: time.map((t) => t * minute),
      }),
    },
    fc.tuple(time, fc.integer({ min: -10, max: 600 })).map(([at, minutes]) => shelve(at, minutes)),
    time.map((t): AlarmInput => ({ kind: 'suppress', at: t * minute, by: 'maintenance' })),
  )
  const annunciation = fc.record({
    holdSamples: fc.tuple(...[0, 1, 2, 3].map(() => fc.integer({ min: 1, max: 3 }))),
    onDelayMs: fc.constantFrom(0, 3 * minute, 10 * minute),
    offDelayMs: fc.constantFrom(0, 3 * minute, 10 * minute),
    latches: fc.boolean(),
    speaksMs: fc.constantFrom(5 * minute, 60 * minute),
  })
  const inputs = fc.array(input, { maxLength: 60 })

  it('there is never more than one active occurrence, and each has at most one return', () => {
    fc.assert(
      fc.property(inputs, annunciation, (list, by) => {
        let state = calm
        let active = 0
        let last: number | null = null
        for (const i of list) {
          const step = reduceAlarm(state, i, by)
          for (const e of step.events) {
            if (e.what === 'activated') {
              active += 1
              // Its id is made of this moment.
              expect(e.at).toBeGreaterThan(last ?? Number.NEGATIVE_INFINITY)
              last = e.at
            }
            if (e.what === 'returned') {
              active -= 1
              expect(e.at).toBeGreaterThanOrEqual(last ?? Number.POSITIVE_INFINITY)
            }
            expect(active).toBeGreaterThanOrEqual(0)
            expect(active).toBeLessThanOrEqual(1)
          }
          state = step.state
          expect(state.occurrence !== null && state.occurrence.returnedAt === null).toBe(active === 1)
          if (active === 1) expect(state.severity).not.toBeNull()
        }
      }),
      { numRuns: 500 },
    )
  })

  it('nothing rings that is hidden, or known already', () => {
    fc.assert(
      fc.property(inputs, annunciation, (list, by) => {
        let state = calm
        for (const i of list) {
          const step = reduceAlarm(state, i, by)
          for (const e of step.events)
            if (e.ring) {
              expect(hiddenNow(step.state)).toBe(false)
              expect(step.state.occurrence).toMatchObject({ ackAt: null, returnedAt: null, quiet: false })
              expect(i.kind === 'level' && i.late).toBe(false)
            }
          state = step.state
        }
      }),
      { numRuns: 500 },
    )
  })

  it('an acknowledgement stays until it becomes worse, or another occurrence begins', () => {
    fc.assert(
      fc.property(inputs, annunciation, (list, by) => {
        let state = calm
        for (const i of list) {
          const step = reduceAlarm(state, i, by)
          const before = state.occurrence
          if (before !== null && before.ackAt !== null && step.state.occurrence !== null && step.state.occurrence.activeAt === before.activeAt)
            if (step.state.occurrence.ackAt === null) expect(said(step.events).some((e) => e.startsWith('escalated'))).toBe(true)
          state = step.state
        }
      }),
      { numRuns: 500 },
    )
  })

  it('a reading that comes twice, or is older than the newest, changes nothing', () => {
    fc.assert(
      fc.property(inputs, annunciation, fc.integer({ min: 0, max: 300 }), severity, (list, by, back, s) => {
        const { state } = run(list, by)
        if (!Number.isFinite(state.at)) return
        const again = reduceAlarm(state, { kind: 'level', at: state.at - back * minute, severity: s, late: false }, by)
        expect(again).toEqual({ state, events: [] })
      }),
      { numRuns: 300 },
    )
  })

  it('the same inputs give the same events, and so does each state on its way through JSON', () => {
    fc.assert(
      fc.property(inputs, annunciation, fc.nat(60), (list, by, cut) => {
        const whole = run(list, by)
        expect(run(list, by)).toEqual(whole)
        const first = run(list.slice(0, cut), by)
        let state: AlarmState = { ...(JSON.parse(JSON.stringify(first.state)) as AlarmState), at: first.state.at }
        const events = [...first.events]
        for (const i of list.slice(cut)) {
          const step = reduceAlarm(state, i, by)
          state = step.state
          events.push(...step.events)
        }
        expect({ state, events }).toEqual(whole)
      }),
      { numRuns: 300 },
    )
  })

  it('no state is unknown to the table', () => {
    fc.assert(
      fc.property(inputs, annunciation, (list, by) => {
        const { state } = run(list, by)
        // A state that is over is not kept.
        if (state.occurrence !== null) expect(occurrenceState(state.occurrence)).not.toBe('normal')
      }),
    )
  })
})

describe('a level', () => {
  const ladder: Level[] = [
    { severity: 3, op: '>', value: 10, deadband: 1 },
    { severity: 1, op: '>', value: 20, deadband: 1 },
    { severity: 2, op: '<', value: 2, deadband: 1 },
  ]
  it.each<[number, Severity | null, Severity | null]>([
    [5, null, null],
    [10, null, null],
    [10.1, null, 3],
    [21, null, 1],
    [1.9, null, 2],
    [9.5, 3, 3],
    [8.9, 3, null],
    [19.5, 1, 1],
    [18.9, 1, 3],
    [5, 1, null],
    [2.5, 2, 2],
    [3.1, 2, null],
  ])('%d, held at %s, is %s', (value, held, severity) => {
    expect(severityOf(ladder, value, held)).toBe(severity)
  })

  it('is never left by itself: what comes back within the dead-band counts on', () => {
    fc.assert(
      fc.property(fc.double({ min: 9.001, max: 30, noNaN: true }), (value) => {
        expect(severityOf(ladder, value, 3)).not.toBeNull()
      }),
    )
  })
})

describe('what a rule measures', () => {
  const context = (kind: MeasureContext['kind'], more: Partial<MeasureContext> = {}): MeasureContext => ({
    kind,
    windowMs: 0,
    counterLimits: null,
    restsAt: null,
    normal: () => null,
    ...more,
  })
  const after = (values: readonly [at: number, value: number][], c: MeasureContext): (number | null)[] => {
    const memory = emptyMemory()
    return values.map(([at, value]) => {
      const reading = { at: at * minute, value, quality: 'good' as const }
      const m = measure(memory, reading, c)
      remember(memory, reading, { longestWindowMs: c.windowMs, gapMs: 30 * minute, counterLimits: c.counterLimits })
      return m
    })
  }
  it('is the change per minute, of readings that are no more than half an hour apart', () => {
    expect(
      after(
        [
          [0, 1],
          [2, 5],
          [40, 5],
          [41, 4],
        ],
        context('rate'),
      ),
    ).toEqual([null, 2, null, -1])
  })
  it('is how long a value stands still, unless it rests, and not over a pause', () => {
    expect(
      after(
        [
          [0, 1],
          [1, 1],
          [2, 1],
          [3, 2],
        ],
        context('flat'),
      ),
    ).toEqual([0, 60, 120, 0])
    expect(
      after(
        [
          [0, 0],
          [1, 0],
        ],
        context('flat', { restsAt: 0 }),
      ),
    ).toEqual([0, 0])
    expect(
      after(
        [
          [0, 1],
          [10, 1],
          [50, 1],
          [51, 1],
        ],
        context('flat'),
      ).at(-1),
    ).toBe(60)
  })
  it('is the sum of a window', () => {
    expect(
      after(
        [
          [0, 1],
          [1, 2],
          [2, 4],
          [3, 8],
        ],
        context('sum', { windowMs: 2 * minute }),
      ),
    ).toEqual([1, 3, 6, 12])
  })
  it('is the difference to what is normal in per cent, and none within it', () => {
    expect(
      after(
        [
          [0, 104],
          [1, 150],
          [2, 50],
        ],
        context('deviation', { normal: () => ({ median: 100, spread: 5 }) }),
      ),
    ).toEqual([0, 50, -50])
    expect(after([[0, 104]], context('deviation'))).toEqual([null])
  })
  it('is 1 while a meter is held out', () => {
    const counterLimits = { maxRatePerHour: 600, tolerance: 0.1 }
    expect(
      after(
        [
          [0, 100],
          [1, 105],
          [2, 5000],
          [3, 115],
        ],
        context('counter', { counterLimits }),
      ),
    ).toEqual([0, 0, 1, 0])
  })
})

describe('the rules that ship', () => {
  it('have each a name of their own, and levels that a value can leave again', () => {
    expect(new Set(defaultRules.map((r) => r.code)).size).toBe(defaultRules.length)
    for (const rule of defaultRules.filter((r) => r.kind === 'limit')) {
      const metric = metricByCode.get(rule.metric ?? '')
      if (metric === undefined) throw new Error(rule.code)
      for (const l of rule.levels) {
        const edge = l.op === '<' || l.op === '<=' ? metric.physical.max : metric.physical.min
        expect(severityOf([l], edge, l.severity), `${rule.code} ${l.severity}`).toBeNull()
      }
    }
  })

  it('have a blank in their Chinese names between Latin and Chinese letters', () => {
    const names = defaultRules.map((r) => r.name.zh)
    expect(names).toContain('pH 过低')
    expect(names).toContain('管网压力过低')
    expect(names.filter((n) => /[A-Za-z0-9]\p{Script=Han}|\p{Script=Han}[A-Za-z0-9]/u.test(n))).toEqual([])
  })
})

describe('an id', () => {
  it('is the same for the same, another for another, and safe in a URL', () => {
    const seen = new Set<string>()
    for (let i = 0; i < 20_000; i += 1) {
      const id = alarmId('ws.pressure.low', `WS-${i % 100}:ws.pressure`, 1_700_000_000_000 + i)
      expect(id).toMatch(/^[a-z0-9]{22}$/)
      seen.add(id)
    }
    expect(seen.size).toBe(20_000)
    expect(alarmId('a', 'b', 1)).toBe(alarmId('a', 'b', 1))
  })
})

describe('the heating season', () => {
  it.each<[string, boolean]>([
    ['2025-11-14T23:59:59+08:00', false],
    ['2025-11-15T00:00:00+08:00', true],
    ['2026-01-01T00:00:00+08:00', true],
    ['2026-03-15T23:59:59+08:00', true],
    ['2026-03-16T00:00:00+08:00', false],
    ['2026-07-01T12:00:00+08:00', false],
  ])('at %s: %s', (at, inside) => {
    const season = heatingSeason(Date.parse(at), 'Asia/Shanghai')
    expect(season.inside).toBe(inside)
    expect(season.from).toBeLessThanOrEqual(Date.parse(at))
    expect(season.until).toBeGreaterThan(Date.parse(at))
    expect(heatingSeason(season.until, 'Asia/Shanghai')).toMatchObject({ inside: !inside, from: season.until })
  })
})
