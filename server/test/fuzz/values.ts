import type { Random } from './random.ts'

/** The part of JSON Schema that the contract uses. */
export interface Schema {
  type?: string | string[]
  enum?: unknown[]
  const?: unknown
  format?: string
  pattern?: string
  minLength?: number
  maxLength?: number
  minimum?: number
  maximum?: number
  exclusiveMinimum?: number
  exclusiveMaximum?: number
  minItems?: number
  maxItems?: number
  items?: Schema
  properties?: Record<string, Schema>
  patternProperties?: Record<string, Schema>
  required?: string[]
  anyOf?: Schema[]
  oneOf?: Schema[]
  allOf?: Schema[]
  $ref?: string
}
/** How a value is meant: as the schema wants it, at its edges, or against it. */
export type Intent = 'valid' | 'edge' | 'hostile'

/** What a name stands for in the city that is asked. */
export type Known = Readonly<Record<string, readonly unknown[]>>

const hostileTexts = [
  ...['', ' ', '\0', 'a\0b', '\u202e\ud800', '%00', '%', '../../../etc/passwd', '..%2f..%2f', "' or 1=1 --", '"; drop table reading; --', '$1', '{{7*7}}'],
  ...['<script>alert(1)</script>', '\r\nset-cookie: a=b', '__proto__', 'constructor', 'toString', 'null', 'undefined', 'NaN', '1e999', '-1', '0', '\u{1f600}'],
  ...[
    '+275760-09-13T00:00:00.001Z',
    '2026-02-30T00:00:00Z',
    '0000-00-00',
    '9999-12-31T23:59:59Z',
    '-271821-04-20T00:00:00Z',
    '99999999999999999999',
    '-1e15',
    '8.64e15',
  ],
  ...[
    'WS-1:ws.pressure,'.repeat(60),
    'x'.repeat(5000),
    '界'.repeat(300),
    ',,,,',
    ':::',
    '[]',
    '{}',
    'LTE',
    'OTk5OTk5OTk5OTk5OTk5OTk5OTk5',
    'AAAA',
    '\ufeff',
    '\u2028',
  ],
]
const hostileValues: readonly unknown[] = [
  ...[null, true, -1, 0, 1e308, -1e308, Number.MAX_SAFE_INTEGER, 2 ** 31, 2 ** 63, -(2 ** 63), 0.1, 5e-324, [], {}, [[[[]]]], [null], { a: { b: { c: [] } } }],
  ...[{ __proto__: null, constructor: 1 }, { toString: 'x', length: 1e9 }, 'x'.repeat(3000), '\0', "' or ''='", Array.from({ length: 300 }, () => 'x')],
]

export interface Making {
  random: Random
  known: Known
  resolve: (ref: string) => Schema
}

function textOf(schema: Schema, name: string, intent: Intent, { random, known }: Making): string {
  if (intent === 'hostile') return random.pick(hostileTexts)
  if (intent === 'edge') {
    const length = random.pick([schema.minLength ?? 0, (schema.minLength ?? 0) + 1, schema.maxLength ?? 1000, (schema.maxLength ?? 1000) + 1])
    if (random.chance(0.5)) return 'a'.repeat(length)
  }
  const those = known[name]
  if (those !== undefined) return String(random.pick(those))
  if (schema.format === 'date-time') return new Date(Date.UTC(2026, 10, 1) + random.below(30 * 86_400_000)).toISOString()
  return random.pick(['abc', '一二三', 'a b', 'A-1', 'x'.repeat(Math.max(1, schema.minLength ?? 1))])
}

function numberOf(schema: Schema, name: string, intent: Intent, whole: boolean, { random, known }: Making): number {
  const low = schema.minimum ?? schema.exclusiveMinimum ?? 0
  const high = schema.maximum ?? schema.exclusiveMaximum ?? 1000
  if (intent === 'edge') return random.pick([low, high, low - 1, high + 1, low + 0.5, 0, -0])
  const those = known[name]
  if (those !== undefined && random.chance(0.7)) return Number(random.pick(those))
  const value = low + random.next() * (high - low)
  return whole ? Math.round(value) : value
}

/** A value for a schema. Of an object, some of its values are meant otherwise now and then, and some are left out. */
export function madeFor(schema: Schema, name: string, intent: Intent, making: Making, depth = 0): unknown {
  const { random } = making
  if (schema.$ref !== undefined) return madeFor(making.resolve(schema.$ref), name, intent, making, depth)
  if (intent === 'hostile' && random.chance(depth === 0 ? 0.3 : 0.6)) return random.pick(hostileValues)
  if (schema.const !== undefined) return schema.const
  if (schema.enum !== undefined) return intent === 'hostile' ? random.pick(hostileTexts) : random.pick(schema.enum)
  const choices = schema.anyOf ?? schema.oneOf
  if (choices !== undefined) return madeFor(random.pick(choices), name, intent, making, depth)
  if (schema.allOf !== undefined) return Object.assign({}, ...schema.allOf.map((s) => madeFor(s, name, intent, making, depth)))
  const type = Array.isArray(schema.type) ? random.pick(schema.type) : schema.type
  const within = (): Intent =>
    random.chance(0.85) ? (intent === 'hostile' ? random.pick(['valid', 'hostile'] as const) : intent) : random.pick(['valid', 'edge', 'hostile'] as const)
  switch (type) {
    case 'string':
      return textOf(schema, name, intent, making)
    case 'integer':
    case 'number':
      return numberOf(schema, name, intent, type === 'integer', making)
    case 'boolean':
      return random.chance(0.5)
    case 'null':
      return null
    case 'array': {
      const [least, most] = [schema.minItems ?? 0, Math.min(schema.maxItems ?? 5, 40)]
      const length = intent === 'edge' ? random.pick([least, least - 1, most, most + 1]) : least + random.below(Math.max(1, Math.min(3, most - least + 1)))
      return Array.from({ length: Math.max(0, length) }, () => madeFor(schema.items ?? {}, name, within(), making, depth + 1))
    }
    case 'object': {
      const out: Record<string, unknown> = {}
      for (const [key, of] of Object.entries(schema.properties ?? {})) {
        const needed = schema.required?.includes(key) === true
        if (needed ? random.chance(intent === 'hostile' ? 0.1 : 0) : random.chance(0.5)) continue
        out[key] = madeFor(of, key, within(), making, depth + 1)
      }
      if (intent === 'hostile' && random.chance(0.3)) out[random.pick(['__proto__x', 'constructor', 'extra', ''])] = random.pick(hostileValues)
      return out
    }
    default:
      return random.pick([...hostileValues, 'text', 7])
  }
}
