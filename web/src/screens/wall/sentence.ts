import type { AlarmCell, AlarmSummaryCell, DomainCell, TruthCell } from '@yiping/contract/screen'
import { age } from '../../format/age.ts'
import { formatNumber } from '../../format/number.ts'
import type { Translate } from '../../i18n/index.ts'

export interface CityFacts {
  /** The first snapshot has come. */
  ready: boolean
  /** The page has set out for a past moment and is not there yet. */
  opening?: boolean
  now: number | null
  truth: TruthCell | undefined
  domains: readonly DomainCell[]
  alarms: Pick<AlarmSummaryCell, 'open' | 'unacked' | 'domains' | 'flood' | 'worst' | 'known'> | undefined
  /** Names of utilities that have fallen silent: their figures are of the past, whatever the rest says. */
  silent: readonly string[]
  /** An alarm in words: where, and what. */
  place: (alarm: AlarmCell) => string
  /** A utility's name, or the platform's. */
  domainName: (domain: string) => string
  /** Name of the utility that is spoken of; without it the whole city is. */
  utility?: string
}

/** `unknown`: nothing may be said about the city. The others rise with the worst severity. */
export type Tone = 'unknown' | 'calm' | 'watch' | 'act' | 'severe'
export interface Sentence {
  tone: Tone
  headline: string
  detail: string
}

/** Below this share of fresh points the screen does not speak for the city. */
const blindBelow = 0.5
const placesNamed = 2

type Counts = AlarmSummaryCell['open']
const none: Counts = { 1: 0, 2: 0, 3: 0, 4: 0 }
const sum = (counts: Counts): number => counts[1] + counts[2] + counts[3] + counts[4]

/**
 * How the city or one of its utilities is, in one sentence, and where not in a second. What makes the data unbelievable comes before what the
 * data say; then the worst severity decides. Every figure is one of the cells'.
 */
export function sentence(facts: CityFacts, t: Translate): Sentence {
  const { truth, domains, now } = facts
  if (facts.opening) return { tone: 'unknown', headline: t('time.opening'), detail: '' }
  if (!facts.ready) return { tone: 'unknown', headline: t('say.connecting'), detail: t('say.connectingMore') }

  const stations = { online: 0, late: 0, offline: 0, maintenance: 0 }
  let fresh = 0
  let expected = 0
  for (const d of domains) {
    for (const state of ['online', 'late', 'offline', 'maintenance'] as const) stations[state] += d.stations[state]
    fresh += d.points.fresh
    expected += d.points.expected
  }
  const total = stations.online + stations.late + stations.offline + stations.maintenance

  if (truth?.database === 'down') return { tone: 'unknown', headline: t('say.down'), detail: commitText(truth, now, t) }
  if (total === 0) return { tone: 'unknown', headline: t('say.empty'), detail: t(facts.utility === undefined ? 'say.emptyMore' : 'topic.noStations') }
  if (truth?.ingest === 'silent') return { tone: 'unknown', headline: t('say.halted'), detail: commitText(truth, now, t) }
  if (fresh === 0 && stations.late === 0)
    return { tone: 'unknown', headline: t('say.silent'), detail: t('say.silentMore', { stations: formatNumber(total, 0) }) }
  if (expected > 0 && fresh < expected * blindBelow) {
    return {
      tone: 'unknown',
      headline: t(facts.utility === undefined ? 'say.blind' : 'say.blindOne'),
      detail: t('say.blindMore', { fresh: formatNumber(fresh, 0), expected: formatNumber(expected, 0) }),
    }
  }

  const counts = facts.alarms?.open ?? none
  const open = sum(counts)
  const rest: string[] = facts.silent.length > 0 ? [t('say.utilitySilent', { names: facts.silent.join(t('list.and')) })] : []
  if (stations.offline > 0) rest.push(t('say.unreachable', { n: formatNumber(stations.offline, 0) }))
  else if (stations.late > 0) rest.push(t('say.late', { n: formatNumber(stations.late, 0) }))
  const alarmsText = open > 0 ? t('say.alarms', { n: formatNumber(open, 0) }) : t('say.none')
  const join = (...parts: string[]): string => parts.join(t('list.separator'))

  if (facts.alarms?.known === false) {
    const beyond = domains.reduce((n, d) => n + sum(d.exceeding), 0)
    return {
      tone: 'unknown',
      headline: join(t('say.unwatched'), ...(open > 0 ? [alarmsText] : []), ...rest),
      detail: beyond > 0 ? t('say.exceeding', { n: formatNumber(beyond, 0) }) : '',
    }
  }

  if (facts.alarms?.flood) {
    const [domain, most] = Object.entries(facts.alarms.domains).sort(([, a], [, b]) => sum(b) - sum(a))[0] ?? []
    return {
      tone: counts[1] > 0 ? 'severe' : 'act',
      headline: join(t('say.flood', { n: formatNumber(open, 0) }), ...rest),
      detail:
        domain !== undefined && most
          ? t('say.floodMore', { worst: formatNumber(counts[1] + counts[2], 0), place: facts.domainName(domain), n: formatNumber(sum(most), 0) })
          : '',
    }
  }

  const detail = placesText(facts, open, t) || (rest.length === 0 ? t('say.allReporting') : '')
  const unacked = facts.alarms?.unacked ?? none
  if (counts[1] > 0)
    return { tone: 'severe', headline: join(t(unacked[1] > 0 ? 'say.severe' : 'say.severeHeld', { n: formatNumber(counts[1], 0) }), ...rest), detail }
  if (counts[2] > 0) return { tone: 'act', headline: join(t(unacked[2] > 0 ? 'say.act' : 'say.actHeld', { n: formatNumber(counts[2], 0) }), ...rest), detail }
  const calm = facts.utility === undefined ? t(facts.silent.length > 0 ? 'say.partly' : 'say.calm') : t('say.calmOne', { name: facts.utility })
  return { tone: open > 0 || facts.silent.length > 0 ? 'watch' : 'calm', headline: join(calm, alarmsText, ...rest), detail }
}

function commitText(truth: TruthCell, now: number | null, t: Translate): string {
  if (truth.lastCommitAt === null || now === null) return t('say.haltedNever')
  const a = age(now - truth.lastCommitAt)
  return t('say.haltedMore', { age: t(a.key, a.named) })
}

function placesText(facts: CityFacts, open: number, t: Translate): string {
  const named: string[] = []
  for (const alarm of facts.alarms?.worst ?? []) {
    const words = facts.place(alarm)
    if (!named.includes(words)) named.push(words)
    if (named.length === placesNamed) break
  }
  if (named.length === 0) return ''
  if (open > named.length) named.push(t('say.more', { n: formatNumber(open - named.length, 0) }))
  return named.join(t('list.dot'))
}
