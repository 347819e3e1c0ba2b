import { expect, it } from 'vitest'
import { defaultRules } from '../src/alarm/default-rules.ts'
import { explainFaults, lifeSafety } from '../src/alarm/explains.ts'
import { metricByCode } from '../src/catalogue/index.ts'

const rule = (code: string, rules: string[], metric: string | null = 'ht.flow1') => ({ code, metric, explains: { rules, beforeS: 0, graceS: 0 } })

it('the rules that ship explain each other one way, name what is there, and nothing that a life may hang on', () => {
  expect(explainFaults(defaultRules)).toEqual([])
  expect(lifeSafety.filter((m) => !metricByCode.has(m))).toEqual([])
})

it('a rule may name itself, further up; not a stranger, not what has no point, no matter of life, and nobody in a circle', () => {
  expect(explainFaults([rule('a', ['a', 'b']), rule('b', ['b'])])).toEqual([])
  expect(explainFaults([rule('a', ['b', 'leak', 'platform']), rule('leak', ['leak'], 'gs.ch4_lel'), rule('platform', ['a'], null)])).toEqual([
    'a explains b, which is no rule',
    'a explains leak, which is a matter of life',
    'a explains platform, which has no point',
    'leak explains leak, which is a matter of life',
    'rules explain each other in a circle: a → platform → a',
  ])
  expect(explainFaults([rule('a', ['b']), rule('b', ['c']), rule('c', ['a'])])).toEqual(['rules explain each other in a circle: a → b → c → a'])
})
