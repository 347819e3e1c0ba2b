import { buildTopic, parseTopic, telemetryLimits } from '@yiping/contract'
import { Check } from 'typebox/value'
import type { Decoded, RawValue, Refusal } from './decoded.ts'
import { type Birth, type EdgeLimits, type EdgeName, edgeKey, edgeLimits, type KnownMetric, SparkplugEdges, SparkplugSnapshot } from './sparkplug-edges.ts'
import { readPayload, type WireMetric, type WirePayload, writePayload } from './sparkplug-payload.ts'
import { datatypes, readQuality, readValue, wireInteger } from './sparkplug-value.ts'

export interface SparkplugDecoded extends Decoded {
  source: 'sparkplug'
  domain: null
  /** The edge that is to be asked for its births, when something of them is missing. */
  rebirth: EdgeName | null
  /** Stations that this message says are gone. */
  offline: string[]
  /** Stations that this message says are there; told with every birth. */
  online: string[]
}

/** An edge is asked for its births at most this often. */
const askAgainMs = 10_000
const maxNameLength = 256
const rebirthName = 'Node Control/Rebirth'

/** Metrics of the protocol itself, which are no readings. */
const isControl = (name: string): boolean => name === 'bdSeq' || name.startsWith('Node Control/') || name.startsWith('Device Control/')
/** `pump room/ws.pressure` is the metric `ws.pressure`: folders are how a device sorts its own. */
const metricCode = (name: string): string => name.slice(name.lastIndexOf('/') + 1)
const isHostState = (topic: string): boolean => topic.startsWith('spBv1.0/STATE/') || topic.startsWith('STATE/')
const refused = (reason: Refusal['reason'], detail: string, readings = 1): Refusal => ({ reason, detail, readings })

/**
 * Takes Sparkplug B messages apart. A device is a station, and so is an edge for its own metrics; the last part of a
 * metric's name is the metric's code. Synchronous; never throws: what is wrong with a message is part of the result.
 *
 * Unlike the JSON decoder it has a memory (`sparkplug-edges.ts`), so a message must be decoded once and in order.
 */
export class SparkplugDecoder {
  readonly #edges: SparkplugEdges
  /** Edge → when it was asked last, oldest first. Edges that we do not know are asked too, hence not part of their state. */
  readonly #asked = new Map<string, number>()

  constructor(
    saved?: SparkplugSnapshot,
    private readonly limits: EdgeLimits = edgeLimits,
  ) {
    this.#edges = new SparkplugEdges(saved, limits)
  }

  /** Grows when a snapshot would miss a birth, a death or a gap. The seq alone does not count (`SparkplugEdges.changed`). */
  get changed(): number {
    return this.#edges.changed
  }

  snapshot(): SparkplugSnapshot {
    return this.#edges.snapshot()
  }

  decode(topicText: string, bytes: Uint8Array, receivedAt: number): SparkplugDecoded {
    const topic = parseTopic(topicText)
    if (topic?.kind !== 'sparkplug') return isHostState(topicText) ? result({}) : result({ refusals: [refused('topic_unknown', 'no such topic')] })
    const { message, device } = topic
    // Commands go to the edges; those that we hear are our own or another host's.
    if (message === 'NCMD' || message === 'DCMD') return result({})
    if (Math.max(topic.group.length, topic.edge.length, device?.length ?? 0) > maxNameLength)
      return result({ refusals: [refused('topic_unknown', `a name longer than ${maxNameLength}`)] })
    const read = readPayload(bytes, telemetryLimits)
    if (!read.ok) return result({ refusals: [refused(read.reason, read.detail, read.readings)] })
    const { payload } = read
    const edge: EdgeName = { group: topic.group, edge: topic.edge }
    switch (message) {
      case 'NBIRTH':
        return this.#birth(edge, null, payload, receivedAt)
      case 'DBIRTH':
        return this.#birth(edge, device, payload, receivedAt)
      case 'NDATA':
      case 'DDATA':
        return this.#data(edge, device, payload, receivedAt)
      case 'NDEATH':
        return this.#nodeDeath(edge, payload)
      case 'DDEATH':
        return this.#deviceDeath(edge, device ?? '', payload, receivedAt)
    }
  }

  #birth(name: EdgeName, device: string | null, payload: WirePayload, receivedAt: number): SparkplugDecoded {
    const station = device ?? name.edge
    const metrics = (payload.metrics ?? []).flatMap(knownMetric)
    const readings = takeReadings(station, payload, (metric) => ({ name: metric.name, datatype: metric.datatype }))
    const full =
      device === null ? this.#edges.nodeBirth(name, { metrics, bdSeq: bdSeqOf(payload), seq: seqOf(payload) }) : this.#edges.deviceBirth(name, device, metrics)
    if (full !== null) return result({ refusals: [refused('payload_too_large', full, Math.max(1, count(readings)))] })
    return result({ ...readings, online: [station], rebirth: device === null ? null : this.#follow(name, payload, receivedAt) })
  }

  #data(name: EdgeName, device: string | null, payload: WirePayload, receivedAt: number): SparkplugDecoded {
    const edge = this.#edges.get(name)
    const birth = (device === null ? edge?.birth : edge?.devices.get(device)) ?? null
    let complete = birth !== null
    const readings = takeReadings(device ?? name.edge, payload, (metric) => {
      const known = lookUp(metric, birth)
      if (known.name === undefined || (known.datatype === undefined && wireInteger(metric) !== null)) complete = false
      return known
    })
    if (edge && !complete) this.#edges.wantBirth(edge)
    return result({ ...readings, rebirth: this.#follow(name, payload, receivedAt) })
  }

  #nodeDeath(name: EdgeName, payload: WirePayload): SparkplugDecoded {
    const devices = this.#edges.nodeDeath(name, bdSeqOf(payload))
    return result({ offline: devices === null ? [] : [name.edge, ...devices] })
  }

  #deviceDeath(name: EdgeName, device: string, payload: WirePayload, receivedAt: number): SparkplugDecoded {
    const edge = this.#edges.get(name)
    if (edge) this.#edges.deviceDeath(edge, device)
    return result({ offline: [device], rebirth: this.#follow(name, payload, receivedAt) })
  }

  /** Takes the message's seq; the edge when it is to be asked for its births, else null. */
  #follow(name: EdgeName, payload: WirePayload, receivedAt: number): EdgeName | null {
    const edge = this.#edges.get(name)
    if (edge) this.#edges.follow(edge, seqOf(payload))
    if (edge && !edge.birthWanted) return null
    const key = edgeKey(name)
    const before = this.#asked.get(key)
    // A clock that was set back must not silence us.
    if (before !== undefined && Math.abs(receivedAt - before) < askAgainMs) return null
    this.#asked.delete(key)
    this.#asked.set(key, receivedAt)
    const [oldest] = this.#asked.keys()
    if (this.#asked.size > this.limits.edges && oldest !== undefined) this.#asked.delete(oldest)
    return { ...name }
  }
}

/** The command that makes an edge send its NBIRTH and all its DBIRTHs again; to be published with QoS 0, not retained. */
export function buildRebirthCommand(edge: EdgeName, sentAt: number = Date.now()): { topic: string; payload: Uint8Array } {
  return {
    topic: buildTopic({ kind: 'sparkplug', group: edge.group, message: 'NCMD', edge: edge.edge, device: null }),
    payload: writePayload({ timestamp: BigInt(sentAt), metrics: [{ name: rebirthName, datatype: datatypes.Boolean, booleanValue: true }] }),
  }
}

/** A snapshot from where it was kept; null when it is not one, and then the edges are asked anew. */
export function parseSparkplugSnapshot(text: string): SparkplugSnapshot | null {
  try {
    const saved: unknown = JSON.parse(text)
    return Check(SparkplugSnapshot, saved) ? saved : null
  } catch {
    return null
  }
}

/** What a metric is called and how it is read, as far as it is known. */
interface Known {
  name: string | undefined
  datatype: number | undefined
}
interface Readings {
  values: RawValue[]
  refusals: Refusal[]
}
const count = ({ values, refusals }: Readings): number => values.length + refusals.reduce((sum, r) => sum + r.readings, 0)

function result(of: Partial<Pick<SparkplugDecoded, 'values' | 'refusals' | 'rebirth' | 'offline' | 'online'>>): SparkplugDecoded {
  const { values = [], refusals = [], rebirth = null, offline = [], online = [] } = of
  return { source: 'sparkplug', domain: null, received: count({ values, refusals }), values, refusals, rebirth, offline, online }
}

function takeReadings(station: string, payload: WirePayload, resolve: (metric: WireMetric) => Known): Readings {
  const readings: Readings = { values: [], refusals: [] }
  for (const metric of payload.metrics ?? []) {
    const { name, datatype } = resolve(metric)
    if (name !== undefined && isControl(name)) continue
    const taken = name ? takeReading(station, payload, metric, name, datatype) : nameless(metric)
    if ('reason' in taken) readings.refusals.push(taken)
    else readings.values.push(taken)
  }
  return readings
}

function takeReading(station: string, payload: WirePayload, metric: WireMetric, name: string, datatype: number | undefined): RawValue | Refusal {
  if (name.length > maxNameLength) return refused('payload_malformed', `a metric's name longer than ${maxNameLength}`)
  const read = readValue(metric, datatype || undefined)
  if (!read.ok) return refused(read.reason, `${name}: ${read.detail}`)
  const quality = readQuality(metric)
  const timestamp = metric.timestamp ?? payload.timestamp
  return {
    station,
    metric: metricCode(name),
    ts: timestamp === undefined ? undefined : Number(timestamp),
    value: quality === null || quality === 'good' ? read.value : { value: read.value, quality },
    ...(metric.isHistorical && { historical: true }),
  }
}

const nameless = ({ alias }: WireMetric): Refusal =>
  alias === undefined
    ? refused('payload_malformed', 'a metric with neither name nor alias')
    : refused('metric_unknown', `alias ${alias} stands in no birth that we heard`)

/** What a birth says of a metric; nothing when it has no name to be known by. */
const knownMetric = ({ name, alias, datatype }: WireMetric): KnownMetric[] =>
  name && name.length <= maxNameLength ? [{ name, alias: alias ?? null, datatype: datatype || undefined }] : []

/** By name when it has one, else by alias. A name that no birth told is taken with the datatype that it brings itself. */
function lookUp({ name, alias, datatype }: WireMetric, birth: Birth | null): Known {
  const known = name ? birth?.byName.get(name) : alias === undefined ? undefined : birth?.byAlias.get(alias)
  return { name: name || known?.name, datatype: datatype || known?.datatype }
}

/** Encoders of proto3 leave a zero out. */
const seqOf = (payload: WirePayload): number => Number(payload.seq ?? 0n)

function bdSeqOf(payload: WirePayload): bigint | null {
  const metric = payload.metrics?.find((m) => m.name === 'bdSeq')
  return metric ? wireInteger(metric) : null
}
