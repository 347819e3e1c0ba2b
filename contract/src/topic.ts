import { type DomainCode, isDomainCode } from './domain.ts'

/** A station code as the registry knows it. */
export const stationCodePattern = /^[A-Za-z0-9_.-]{1,64}$/

/**
 * Every MQTT topic that devices use. Sparkplug B and the vehicle topics are part of the grammar; what reads them
 * comes with later issues.
 */
export type Topic =
  | { kind: 'telemetry'; domain: DomainCode; station: string }
  | { kind: 'gateway' }
  | { kind: 'vehicle'; code: string; what: 'position' | 'collection' }
  | { kind: 'sparkplug'; group: string; message: SparkplugMessage; edge: string; device: string | null }

const sparkplugMessages = ['NBIRTH', 'NDATA', 'NDEATH', 'NCMD', 'DBIRTH', 'DDATA', 'DDEATH', 'DCMD'] as const
export type SparkplugMessage = (typeof sparkplugMessages)[number]
const isSparkplugMessage = (text: string): text is SparkplugMessage => (sparkplugMessages as readonly string[]).includes(text)

const gatewayTopic = 'v1/gateway/telemetry'
const cityRoot = 'city/'
const telemetryEnd = '/telemetry'

export function buildTopic(topic: Topic): string {
  switch (topic.kind) {
    case 'telemetry':
      return `city/${topic.domain}/${topic.station}/telemetry`
    case 'gateway':
      return gatewayTopic
    case 'vehicle':
      return `city/vehicle/${topic.code}/${topic.what}`
    case 'sparkplug':
      return ['spBv1.0', topic.group, topic.message, topic.edge, ...(topic.device === null ? [] : [topic.device])].join('/')
  }
}

/** The inverse of `buildTopic`; null for a topic that is not ours (`topic_unknown`). */
export function parseTopic(text: string): Topic | null {
  if (text === gatewayTopic) return { kind: 'gateway' }
  // The topic of nearly every message is taken apart without making a list of its levels.
  if (text.startsWith(cityRoot) && text.endsWith(telemetryEnd)) {
    const slash = text.indexOf('/', cityRoot.length)
    const domain = text.slice(cityRoot.length, slash)
    const station = text.slice(slash + 1, -telemetryEnd.length)
    if (isDomainCode(domain) && stationCodePattern.test(station)) return { kind: 'telemetry', domain, station }
  }
  const [root, a, b, c, ...rest] = text.split('/')
  if (root === 'city' && a !== undefined && b !== undefined && stationCodePattern.test(b) && rest.length === 0) {
    if (a === 'vehicle') return c === 'position' || c === 'collection' ? { kind: 'vehicle', code: b, what: c } : null
    return c === 'telemetry' && isDomainCode(a) ? { kind: 'telemetry', domain: a, station: b } : null
  }
  if (root === 'spBv1.0' && a && b && c && rest.length <= 1 && isSparkplugMessage(b)) {
    const device = rest[0] ?? null
    if (device === '' || b.startsWith('D') !== (device !== null)) return null
    return { kind: 'sparkplug', group: a, message: b, edge: c, device }
  }
  return null
}

/** What ingest subscribes to: wider than the grammar, so that a wrong topic under our roots is refused, not unheard. */
export const subscriptions = ['city/#', gatewayTopic, 'spBv1.0/#'] as const
