import { isPermission, isRole } from '@yiping/contract/screen'
import { useFeed } from '../../feed/feed.ts'
import { domainOrder, useRegistry, useZone } from '../../feed/registry.ts'
import { formatNumber } from '../../format/number.ts'
import { dash } from '../../format/value.ts'
import { whenText } from '../account/when.ts'
import { useAccountWords } from '../account/words.ts'
import type { Difference } from './difference.ts'

/** What entries are filtered by: the first part of what was done. */
export const groups = ['session', 'alarm', 'account', 'token', 'screen', 'alarm-rule', 'notice-route', 'duty-shift', 'export', 'station'] as const

const deeds: ReadonlySet<string> = new Set([
  ...['session.login', 'session.link', 'session.sso', 'session.logout', 'session.end', 'account.add', 'account.change', 'account.link', 'account.sso'],
  ...['account.password', 'account.sign-out', 'token.make', 'token.revoke', 'screen.pair', 'screen.claim', 'screen.change', 'screen.command'],
  ...['screen.revoke', 'alarm-rule.activate', 'notice-route.add', 'notice-route.change', 'notice-route.test', 'notice-route.remove'],
  ...['duty-shift.add', 'duty-shift.change', 'duty-shift.remove', 'export.readings', 'alarm.export', 'station.register'],
])
const alarmDeeds: ReadonlySet<string> = new Set(['ack', 'shelve', 'unshelve', 'comment', 'assign', 'take-out', 'put-back', 'reset'])
const outcomes: ReadonlySet<string> = new Set([
  ...['login_refused', 'login_throttled', 'link_over', 'forbidden', 'outside_domains', 'password_wrong', 'password_weak', 'username_taken'],
  ...['sso_denied', 'sso_state', 'sso_unreachable', 'sso_clock', 'sso_invalid', 'sso_no_role', 'sso_disabled', 'sso_last_administrator', 'sso_taken'],
  ...['last_administrator', 'alarm_closed', 'already_acknowledged', 'code_unknown', 'request_invalid', 'cross_site', 'signed_out'],
])
/** In the order in which they are told. */
const fields: ReadonlySet<string> = new Set([
  ...['name', 'username', 'roles', 'districts', 'domains', 'disabled', 'sso', 'state', 'ackBy', 'assignedTo', 'shelvedUntil', 'note', 'minutes', 'to', 'by'],
  ...['scopes', 'days', 'done', 'refused', 'person', 'email', 'from', 'channel', 'target', 'severities', 'escalation', 'active', 'text', 'kind'],
  ...['scene', 'settings', 'theme', 'language', 'rotate', 'sound', 'password', 'current', 'next', 'points', 'format', 'rows', 'version'],
])
const order: readonly string[] = [...fields]
const states: ReadonlySet<string> = new Set([
  'normal',
  'unacked_active',
  'acked_active',
  'returned_unacked',
  'latched',
  'shelved',
  'suppressed',
  'out_of_service',
])
const isTime = (x: unknown): x is string => typeof x === 'string' && /^\d{4}-\d\d-\d\dT\d\d:\d\d/.test(x)

export function useAuditWords() {
  const { t, name } = useAccountWords()
  const registry = useRegistry()
  const zone = useZone()
  const { now } = useFeed()

  const actionText = (action: string): string => {
    if (deeds.has(action)) return t(`audit.deed.${action.replace('.', '_')}`)
    const [group = '', deed = ''] = action.split('.')
    return group === 'alarm' && alarmDeeds.has(deed) ? t('audit.onAlarm', { what: t(`alarm.action.${deed}`) }) : action
  }
  /** `settings.dwellS.gas` by what is known of its parts. */
  const fieldText = (field: string): string =>
    field
      .split('.')
      .filter(Boolean)
      .map((part) => (fields.has(part) ? t(`audit.field.${part}`) : domainOrder.some((d) => d === part) ? t(`domain.${part}`) : part))
      .join(t('list.dot'))
  const one = (field: string, value: unknown): string => {
    if (value === null || value === undefined || value === '') return dash
    if (typeof value === 'boolean') return t(value ? 'audit.yes' : 'audit.no')
    if (isTime(value)) return whenText(value, zone.value, now.value)
    if (typeof value === 'number')
      return /(?:At|Until|^from|^to)$/.test(field) && value > 1e11
        ? whenText(new Date(value).toISOString(), zone.value, now.value)
        : formatNumber(value, Number.isInteger(value) ? 0 : 2)
    if (typeof value !== 'string') return JSON.stringify(value)
    if (field === 'state' && states.has(value)) return t(`alarm.state.${value}`)
    if (field === 'roles' && isRole(value)) return t(`role.${value}`)
    if (field === 'scopes' && isPermission(value)) return t(`permission.${value}`)
    if (field === 'domains' || field === 'domain')
      return value === 'platform' ? t('alarm.platform') : domainOrder.some((d) => d === value) ? t(`domain.${value}`) : value
    const district = field === 'districts' ? registry.value.districtName.get(value) : undefined
    return district ? name(district) : value
  }
  const valueText = (field: string, value: unknown): string => {
    const last = field.slice(field.lastIndexOf('.') + 1)
    if (value === null && last === 'districts') return t('account.wholeCity')
    if (value === null && last === 'domains') return t('account.allDomains')
    if (!Array.isArray(value)) return one(last, value)
    const texts = value.map((x: unknown) => one(last, x))
    const shown = texts.slice(0, 12).join(t('list.separator'))
    return texts.length === 0 ? dash : texts.length > 12 ? t('audit.andMore', { shown, n: formatNumber(texts.length - 12, 0) }) : shown
  }
  return {
    t,
    actionText,
    fieldText,
    valueText,
    outcomeText: (outcome: string): string =>
      outcome === 'done' ? t('audit.done') : t('audit.not', { why: outcomes.has(outcome) ? t(`audit.outcome.${outcome}`) : outcome }),
    /** A difference in one line. */
    shortText: ({ field, before, after }: Difference): string =>
      before === undefined || after === undefined
        ? [fieldText(field), valueText(field, after === undefined ? before : after)].filter(Boolean).join(' ')
        : `${fieldText(field)} ${valueText(field, before)} → ${valueText(field, after)}`,
    /** What an entry is about first; what has no name of ours last. */
    inOrder: (list: readonly Difference[]): Difference[] => {
      const place = ({ field }: Difference): number => (order.indexOf(field.split('.')[0] ?? '') + order.length + 1) % (order.length + 1)
      return [...list].sort((a, b) => place(a) - place(b))
    },
    when: (text: string): string => whenText(text, zone.value, now.value, true),
  }
}
