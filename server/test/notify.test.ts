import { createHmac } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { matches, onDuty } from '../src/notify/match.ts'
import { planMessages } from '../src/notify/plan.ts'
import { sign } from '../src/notify/webhook.ts'
import { wordsOf } from '../src/notify/words.ts'

describe('a route', () => {
  const route = { domains: ['gas'], districts: ['410105'], severities: [1, 2], escalation: 0, active: true }
  const event = { what: 'activated', domain: 'gas', district: '410105', severity: 1, escalation: 0 } as const

  it.each([
    ['everything fits', {}, {}, true],
    ['another utility', {}, { domain: 'water' }, false],
    ['another district', {}, { district: '410102' }, false],
    ['no district', {}, { district: null }, false],
    ['a lesser severity', {}, { severity: 3 }, false],
    ['empty lists let everything through', { domains: [], districts: [], severities: [] }, { domain: 'water', district: null, severity: 4 }, true],
    ['the platform by its name', { domains: ['platform'], districts: [] }, { domain: null }, true],
    ['not passed up yet', { escalation: 1 }, {}, false],
    ['passed up', { escalation: 1 }, { what: 'passed_up', escalation: 1 }, true],
    ['that was told at first hears nothing when it is passed up', {}, { what: 'passed_up', escalation: 1 }, false],
    ['switched off', { active: false }, {}, false],
  ] as const)('%s', (_, of, with_, told) => {
    expect(matches({ ...route, ...of } as Parameters<typeof matches>[0], { ...event, ...with_ })).toBe(told)
  })

  it('to those on duty reaches each of them once, for their utility and their hours', () => {
    const shift = { id: 1, person: '王', email: 'w@city', domains: [] as string[], from: 100, to: 200 }
    const shifts = [
      shift,
      { ...shift, id: 2, domains: ['gas'] },
      { ...shift, id: 3, email: 'g@city', domains: ['gas'] },
      { ...shift, id: 4, email: 'late@city', from: 200, to: 300 },
    ]
    expect(onDuty(shifts, 150, new Set(['gas']))).toEqual(['w@city', 'g@city'])
    expect(onDuty(shifts, 150, new Set(['water']))).toEqual(['w@city'])
    expect(onDuty(shifts, 200, new Set(['gas']))).toEqual(['late@city'])
  })
})

describe('messages', () => {
  const digest = { windowMs: 60_000, messages: 3 }

  it('are single ones while there are few', () => {
    expect(planMessages([1, 2, 3], [], 1e6, digest)).toEqual([[1], [2], [3]])
    expect(planMessages([4], [1e6 - 1000], 1e6, digest)).toEqual([[4]])
  })
  it('become a digest when they come thick and fast, and wait for it', () => {
    expect(planMessages([1, 2, 3, 4, 5], [], 1e6, digest)).toEqual([[1], [2], [3, 4, 5]])
    const made = [1e6, 1e6, 1e6]
    expect(planMessages([6, 7], made, 1e6 + 1000, digest)).toEqual([])
    expect(planMessages([6, 7, 8, 9], made, 1e6 + 61_000, digest)).toEqual([[6], [7], [8, 9]])
  })
  it('of any storm are few, and leave nothing out', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ after: fc.integer({ min: 0, max: 20_000 }), events: fc.integer({ min: 0, max: 500 }) }), { maxLength: 60 }),
        (bursts) => {
          let [now, id] = [1e9, 0]
          let waiting: number[] = []
          const made: number[] = []
          const told: number[] = []
          const round = (): void => {
            for (const message of planMessages(waiting, made.toReversed(), now, digest)) {
              made.push(now)
              told.push(...message)
              waiting = waiting.filter((e) => !message.includes(e))
            }
          }
          for (const { after, events } of bursts) {
            for (let t = 0; t < after; t += 1000) {
              now += 1000
              round()
            }
            for (let i = 0; i < events; i += 1) {
              id += 1
              waiting.push(id)
            }
            round()
          }
          for (let i = 0; i < 120 && waiting.length > 0; i += 1) {
            now += 1000
            round()
          }
          expect(told.toSorted((a, b) => a - b)).toEqual(Array.from({ length: id }, (_, i) => i + 1))
          for (const at of made) expect(made.filter((m) => m > at - 60_000 && m <= at).length).toBeLessThanOrEqual(3)
        },
      ),
      { numRuns: 200 },
    )
  })

  it('are signed with their time', () => {
    const v1 = createHmac('sha256', 'a secret of sixteen').update('1000.{"a":1}').digest('hex')
    expect(sign('{"a":1}', 'a secret of sixteen', 1_000_999)).toBe(`t=1000,v1=${v1}`)
  })

  it('say what, where, how much and since when, the worst first', () => {
    const alarm = {
      id: 'a',
      rule: 'gs.ch4_lel.high',
      subject: 'GS-V-0001:gs.ch4_lel',
      domain: 'gas',
      station: 'GS-V-0001',
      stationName: '花园路阀井',
      metric: 'gs.ch4_lel',
      severity: 2,
      state: 'unacked_active',
      activeAt: '2026-11-25T04:00:00Z',
      value: 23.4,
      limit: 20,
      unit: '%{LEL}',
      members: 0,
      escalation: 0,
    } as const
    const one = wordsOf([alarm], 'Asia/Shanghai')
    expect(one.subject).toBe('【橙】燃气 花园路阀井：相邻地下空间甲烷过高')
    expect(one.text).toContain('23.4 %LEL（限值 limit 20）')
    expect(one.text).toContain('2026-11-25 12:00')
    const many = wordsOf([alarm, { ...alarm, id: 'b', severity: 1, stationName: '农业路阀井' }], 'Asia/Shanghai')
    expect(many.subject).toBe('【红】2 条报警 alarms，最重 worst：农业路阀井')
    expect(many.text.split('\n')[0]).toContain('农业路阀井')
  })
})
