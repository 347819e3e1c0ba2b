/** What the page's address says of the question, and back. */
export interface Asked {
  days: (typeof spans)[number]
  /** Local dates, both whole; they stand above `days`. */
  from: string
  to: string
  actor: string
  action: string
  q: string
}
export const spans = [1, 7, 30, 365] as const
const usual = 7

const text = (x: unknown): string => (typeof x === 'string' ? x : '')
const date = (x: unknown): string => (/^\d{4}-\d\d-\d\d$/.test(text(x)) ? text(x) : '')

export const askedOf = (query: Readonly<Record<string, unknown>>): Asked => ({
  days: spans.find((d) => String(d) === query.days) ?? usual,
  from: date(query.from),
  to: date(query.to),
  actor: text(query.actor),
  action: text(query.action),
  q: text(query.q),
})
export const queryOf = ({ days, ...rest }: Asked): Record<string, string> => ({
  ...(days !== usual && { days: String(days) }),
  ...Object.fromEntries(Object.entries(rest).filter(([, value]) => value !== '')),
})
