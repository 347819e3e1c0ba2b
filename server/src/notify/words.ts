import { defaultRules, domains, isoWithOffset, metricByCode, type Severity } from '@yiping/contract'
import type { NoticeAlarm } from '@yiping/db'

const colours: Record<Severity, { zh: string; en: string }> = {
  1: { zh: '红', en: 'red' },
  2: { zh: '橙', en: 'orange' },
  3: { zh: '黄', en: 'yellow' },
  4: { zh: '蓝', en: 'blue' },
}
const ruleNames = new Map(defaultRules.map((r) => [r.code, r.name]))

/** One alarm in one line, in both languages of the product. */
function line(a: NoticeAlarm, zone: string): string {
  const name = ruleNames.get(a.rule) ?? { zh: a.rule, en: a.rule }
  const where = a.stationName ?? a.station ?? a.subject
  const unit = (a.metric && metricByCode.get(a.metric)?.unitLabel.zh) ?? a.unit ?? ''
  const value = a.value === null ? '' : `，${a.value} ${unit}${a.limit === null ? '' : `（限值 limit ${a.limit}）`}`
  const members = a.members > 0 ? `，${a.members} ×` : ''
  return `[${colours[a.severity].zh} ${colours[a.severity].en}] ${where} · ${name.zh} ${name.en}${value}${members} · ${isoWithOffset(Date.parse(a.activeAt), zone).slice(0, 16).replace('T', ' ')}`
}

const listed = 50

/** Subject and text of a message: the worst first, and how many in all. */
export function wordsOf(alarms: readonly NoticeAlarm[], zone: string): { subject: string; text: string } {
  const sorted = alarms.toSorted((a, b) => a.severity - b.severity || Date.parse(b.activeAt) - Date.parse(a.activeAt))
  const [worst] = sorted
  if (worst === undefined) throw new Error('a message without an alarm')
  const domain = domains.find((d) => d.code === worst.domain)?.name ?? { zh: '平台', en: 'platform' }
  const name = ruleNames.get(worst.rule) ?? { zh: worst.rule, en: worst.rule }
  const subject =
    alarms.length === 1
      ? `【${colours[worst.severity].zh}】${domain.zh} ${worst.stationName ?? worst.subject}：${name.zh}`
      : `【${colours[worst.severity].zh}】${alarms.length} 条报警 alarms，最重 worst：${worst.stationName ?? worst.subject}`
  const rest = sorted.length > listed ? [`…… 另有 ${sorted.length - listed} 条 and ${sorted.length - listed} more`] : []
  return { subject, text: [...sorted.slice(0, listed).map((a) => line(a, zone)), ...rest].join('\n') }
}
