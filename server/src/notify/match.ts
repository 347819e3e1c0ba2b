import type { DutyShift, NoticeRoute, RingingEvent } from '@yiping/db'

type Narrowing = Pick<NoticeRoute, 'domains' | 'districts' | 'severities' | 'escalation' | 'active'>

/** Whether a route is to tell of an event. Empty lists let everything through; that an alarm is passed up is news for those above alone. */
export function matches(route: Narrowing, event: Pick<RingingEvent, 'what' | 'domain' | 'district' | 'severity' | 'escalation'>): boolean {
  const { domains, districts, severities } = route
  return (
    route.active &&
    event.escalation >= route.escalation &&
    (event.what !== 'passed_up' || route.escalation > 0) &&
    (domains.length === 0 || domains.includes(event.domain ?? 'platform')) &&
    (districts.length === 0 || (event.district !== null && districts.includes(event.district))) &&
    (severities.length === 0 || severities.includes(event.severity))
  )
}

/** Addresses of those on duty at that moment for one of the utilities, each once; a shift without utilities is for all. */
export function onDuty(shifts: readonly DutyShift[], at: number, domains: ReadonlySet<string>): string[] {
  const now = shifts.filter((s) => s.from <= at && at < s.to && (s.domains.length === 0 || s.domains.some((d) => domains.has(d))))
  return [...new Set(now.map((s) => s.email))]
}
