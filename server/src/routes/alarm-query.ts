import { type AlarmStateName, alarmStates, type AlarmQuery, type Severity } from '@yiping/contract'
import type { AlarmFilter, AlarmKey, AlarmOrder } from '@yiping/db'
import type { Static } from 'typebox'
import type { Scope } from '../access/principal.ts'
import { ProblemError } from '../plugins/problem.ts'
import { cursorIn, cursorOut } from './cursor.ts'
import { timeIn } from './time.ts'

const openStates = alarmStates.filter((s) => s !== 'normal')
const isState = (text: string): text is AlarmStateName => (alarmStates as readonly string[]).includes(text)

function statesIn(text: string): AlarmStateName[] | null {
  if (text === 'all') return null
  const states = text.split(',').flatMap((name) => {
    if (name === 'open') return openStates
    if (isState(name)) return [name]
    throw new ProblemError(400, 'state_unknown', 'No such state', `${name}: open, all, ${alarmStates.join(', ')}`)
  })
  return [...new Set(states)]
}

/** What a request asks for. What is open is a list of work, worst first; with a span, or with what is over, it is history, newest first. */
export function alarmQuery(query: Omit<Static<typeof AlarmQuery>, 'limit' | 'cursor'>, scope: Scope): { filter: AlarmFilter; order: AlarmOrder } {
  const optionalTime = (name: string, text: string | undefined): number | null => (text === undefined ? null : timeIn(name, text, 0))
  const from = optionalTime('from', query.from)
  const to = optionalTime('to', query.to)
  if (from !== null && to !== null && from >= to) throw new ProblemError(400, 'span_invalid', 'The span is empty', `from ${query.from} to ${query.to}`)
  const span = from !== null || to !== null
  const states = statesIn(query.state ?? (span ? 'all' : 'open'))
  return {
    filter: {
      states,
      severities: query.severity?.split(',').map((s) => Number(s) as Severity) ?? null,
      domain: query.domain ?? null,
      district: query.district ?? null,
      station: query.station ?? null,
      rule: query.rule ?? null,
      text: query.q?.trim() || null,
      from,
      to,
      cause: null,
      within: scope && [...scope],
    },
    order: span || states === null || states.includes('normal') ? 'newest' : 'worst',
  }
}

export const alarmCursorOut = (key: AlarmKey): string => cursorOut(JSON.stringify(key))
export function alarmCursorIn(cursor: string | undefined): AlarmKey | null {
  if (cursor === undefined) return null
  const refuse = (): never => {
    throw new ProblemError(400, 'cursor_invalid', 'Not a cursor of ours', cursor)
  }
  let key: unknown
  try {
    key = JSON.parse(cursorIn(cursor))
  } catch {
    return refuse()
  }
  if (!Array.isArray(key)) return refuse()
  const [severity, rank, at, id] = key as unknown[]
  if (!Number.isInteger(severity) || !Number.isInteger(rank) || typeof id !== 'string' || typeof at !== 'string' || !/^\d{4}-\d\d-\d\d [\d:.]+\+00$/.test(at))
    return refuse()
  return [Number(severity), Number(rank), at, id]
}
