/**
 * What an entry changed, field by field. `after` may hold only what was asked for: what it does not speak of stayed as it was.
 */
export interface Difference {
  /** `districts`, or `settings.dwellS.gas` */
  field: string
  /** Undefined: there was none. */
  before: unknown
  after: unknown
}

const isRecord = (x: unknown): x is Readonly<Record<string, unknown>> => typeof x === 'object' && x !== null && !Array.isArray(x)
/** A secret is written down as this. */
const hidden = '…'
export const isSecret = (d: Difference): boolean => d.before === hidden || d.after === hidden

const same = (a: unknown, b: unknown): boolean => JSON.stringify(a) === JSON.stringify(b)

function* leaves(x: Readonly<Record<string, unknown>>, at = ''): Generator<[string, unknown]> {
  for (const [key, value] of Object.entries(x)) {
    if (isRecord(value) && Object.keys(value).length > 0) yield* leaves(value, `${at}${key}.`)
    else yield [`${at}${key}`, value]
  }
}
const flat = (x: unknown): Map<string, unknown> => (x === null || x === undefined ? new Map() : new Map(isRecord(x) ? leaves(x) : [['', x]]))

export function differences(before: unknown, after: unknown): { changed: Difference[]; same: number } {
  const [was, is] = [flat(before), flat(after)]
  if (after === null || after === undefined) return { changed: [...was].map(([field, value]) => ({ field, before: value, after: undefined })), same: 0 }
  const changed = [...is].flatMap(([field, value]) => (was.has(field) && same(was.get(field), value) ? [] : [{ field, before: was.get(field), after: value }]))
  return { changed, same: [...was].filter(([field, value]) => !is.has(field) || same(is.get(field), value)).length }
}
