import type { DomainCode, SourceProblem } from '@yiping/contract/screen'
import { domainOrder } from '../../feed/registry.ts'

export const tabs = ['stations', 'rejections', 'waiting', 'conflicts'] as const
export type Tab = (typeof tabs)[number]
export const problems: readonly SourceProblem[] = ['silent', 'incomplete', 'rejected', 'conflict', 'slow']
export const spans = [1, 6, 24] as const

/** What the page shows; all of it stands in the address, so that a link shows a colleague the same. */
export interface Desk {
  tab: Tab
  problem: SourceProblem | null
  domain: DomainCode | null
  q: string
  hours: (typeof spans)[number]
}
const among = <T>(known: readonly T[], value: unknown): T | null => known.find((k) => k === value) ?? null

export const deskOf = (query: Record<string, unknown>): Desk => ({
  tab: among(tabs, query.tab) ?? 'stations',
  problem: among(problems, query.problem),
  domain: among(domainOrder, query.domain),
  q: typeof query.q === 'string' ? query.q.slice(0, 100) : '',
  hours: among(spans, Number(query.hours)) ?? 6,
})

/** The part of the address that says so; what is as usual is left out. */
export const queryOf = (desk: Desk): Record<string, string> => ({
  ...(desk.tab !== 'stations' && { tab: desk.tab }),
  ...(desk.problem !== null && { problem: desk.problem }),
  ...(desk.domain !== null && { domain: desk.domain }),
  ...(desk.q !== '' && { q: desk.q }),
  ...(desk.hours !== 6 && { hours: String(desk.hours) }),
})
