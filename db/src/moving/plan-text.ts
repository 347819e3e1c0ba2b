import type { MovedKind } from './columns.ts'
import type { Change, FieldValue, Plan } from './register.ts'

export type Counts = Readonly<Record<'new' | 'changed' | 'unchanged' | 'refused', number>>

export function countsOf({ changes, refusals }: Plan): Counts {
  const of = (what: Change['what']): number => changes.filter((c) => c.what === what).length
  return { new: of('new'), changed: of('changed'), unchanged: of('unchanged'), refused: new Set(refusals.map((r) => rowOf(r.place))).size }
}

/** Several cells of a row may be wrong: it is one row that is refused. */
const rowOf = (place: string): string => place.replace(/(:\d+):[^:\]]+$/, '$1')

const show = (value: FieldValue): string => (value === null ? '(nothing)' : Array.isArray(value) ? value.join(' ') : String(value))
const one: Readonly<Record<MovedKind, string>> = { stations: 'station', points: 'point', thresholds: 'threshold', users: 'user' }

/** What would change and what not, a line for each; what stays as it is, is only counted. */
export function planText(plan: Plan): string[] {
  const lines = plan.changes
    .filter((c) => c.what !== 'unchanged')
    .map(({ kind, key, what, fields, place }) => {
      const said = fields.map((f) => (what === 'new' ? `${f.name} ${show(f.after)}` : `${f.name}: ${show(f.before)} → ${show(f.after)}`)).join(', ')
      return `${what.padEnd(8)} ${one[kind]} ${key}${said === '' ? '' : `  ${said}`}  (${place})`
    })
  lines.push(...plan.refusals.map((r) => `refused  ${r.place}${r.column === null ? '' : ` ${r.column}`}: ${r.reason}`))
  lines.push(...plan.notes.map((n) => `note     ${n}`))
  return lines
}
