import Type, { type Static } from 'typebox'

/**
 * What is known of edge nodes and their devices. Only what lives is kept: a death forgets.
 *
 * | edge      | NBIRTH | DBIRTH                    | other message with a seq  | NDEATH of this birth | NDEATH of another |
 * |-----------|--------|---------------------------|---------------------------|----------------------|-------------------|
 * | unknown   | born   | unborn, with that device  | unknown, birth wanted     | unknown              | unknown           |
 * | unborn    | born   | unborn, birth wanted      | unborn, birth wanted      | unknown              | unknown           |
 * | born      | born   | born                      | born; birth wanted when   | unknown              | born (old will)   |
 * |           |        |                           | a seq was left out        |                      |                   |
 *
 * | device    | NBIRTH of its edge | DBIRTH | DDATA                 | DDEATH, NDEATH of its edge |
 * |-----------|--------------------|--------|-----------------------|----------------------------|
 * | unknown   | unknown            | born   | unknown, birth wanted | unknown                    |
 * | unborn    | unborn             | born   | unborn, birth wanted  | unknown                    |
 * | born      | unborn             | born   | born                  | unknown                    |
 */
export interface Edge extends EdgeName {
  /** Null until its NBIRTH was heard. */
  birth: Birth | null
  /** Which session the birth began; an NDEATH with another one is an old will. */
  bdSeq: bigint | null
  /** Of the last message, 0 to 255; null when none was heard. */
  seq: number | null
  /** Something was missed: only a new NBIRTH mends it. */
  birthWanted: boolean
  /** Device → its birth, null when its edge was born again and the device not yet. */
  devices: Map<string, Birth | null>
}
export interface EdgeName {
  group: string
  edge: string
}
export interface KnownMetric {
  name: string
  alias: bigint | null
  datatype: number | undefined
}
/** Maps, not objects: names come from outside, and `__proto__` is one. */
export interface Birth {
  byName: ReadonlyMap<string, KnownMetric>
  byAlias: ReadonlyMap<bigint, KnownMetric>
}

/** Bounds of the state, over all edges. Beyond them a birth is refused. */
export interface EdgeLimits {
  edges: number
  devices: number
  metrics: number
}
export const edgeLimits: EdgeLimits = { edges: 10_000, devices: 50_000, metrics: 500_000 }

const Integer = Type.String({ pattern: '^[0-9]{1,20}$' })
const SavedMetric = Type.Object({
  name: Type.String(),
  alias: Type.Optional(Integer),
  datatype: Type.Optional(Type.Integer()),
})
const SavedBirth = Type.Union([Type.Array(SavedMetric), Type.Null()])
/** The state as JSON, so that aliases outlive the process. */
export const SparkplugSnapshot = Type.Object({
  version: Type.Literal(1),
  edges: Type.Array(
    Type.Object({
      group: Type.String(),
      edge: Type.String(),
      birth: SavedBirth,
      bdSeq: Type.Union([Integer, Type.Null()]),
      seq: Type.Union([Type.Integer(), Type.Null()]),
      birthWanted: Type.Boolean(),
      devices: Type.Array(Type.Object({ device: Type.String(), birth: SavedBirth })),
    }),
  ),
})
export type SparkplugSnapshot = Static<typeof SparkplugSnapshot>

/** Neither a group nor an edge can hold a slash: they are levels of a topic. */
export const edgeKey = ({ group, edge }: EdgeName): string => `${group}/${edge}`

function birthOf(metrics: readonly KnownMetric[]): Birth {
  const byName = new Map<string, KnownMetric>()
  const byAlias = new Map<bigint, KnownMetric>()
  const shared = new Set<bigint>()
  for (const metric of metrics) {
    byName.set(metric.name, metric)
    if (metric.alias === null) continue
    if ((byAlias.get(metric.alias)?.name ?? metric.name) !== metric.name) shared.add(metric.alias)
    byAlias.set(metric.alias, metric)
  }
  // An alias that two names share stands for neither: no value is better than one at the wrong point.
  for (const alias of shared) byAlias.delete(alias)
  return { byName, byAlias }
}

export class SparkplugEdges {
  readonly #edges = new Map<string, Edge>()
  #devices = 0
  #metrics = 0
  /**
   * Grows with every birth, death and missed message, that is with what a snapshot must not miss. The seq of a message
   * in good order does not count: a snapshot with an old one costs a rebirth and no reading.
   */
  changed = 0

  constructor(
    saved: SparkplugSnapshot | undefined,
    private readonly limits: EdgeLimits,
  ) {
    for (const { birth, bdSeq, seq, birthWanted, devices, ...name } of saved?.edges ?? []) {
      const edge = this.#open(name)
      if (edge === null) continue
      if (birth) this.nodeBirth(name, { metrics: birth.map(loadMetric), bdSeq: bdSeq === null ? null : BigInt(bdSeq), seq: seq ?? 0 })
      for (const d of devices) {
        if (this.deviceBirth(name, d.device, (d.birth ?? []).map(loadMetric)) === null && d.birth === null) edge.devices.set(d.device, null)
      }
      edge.seq = seq
      edge.birthWanted = birthWanted
    }
    this.changed = 0
  }

  get(name: EdgeName): Edge | undefined {
    return this.#edges.get(edgeKey(name))
  }

  /** Null, or which bound it is that has no room for it. */
  nodeBirth(name: EdgeName, birth: { metrics: readonly KnownMetric[]; bdSeq: bigint | null; seq: number }): string | null {
    const before = this.get(name)
    const released = before ? size(before.birth) + [...before.devices.values()].reduce((sum, d) => sum + size(d), 0) : 0
    const made = birthOf(birth.metrics)
    if (this.#metrics - released + size(made) > this.limits.metrics) return `${this.limits.metrics} metrics are known already`
    const edge = this.#open(name)
    if (edge === null) return `${this.limits.edges} edges are known already`
    this.#metrics += size(made) - released
    edge.birth = made
    edge.bdSeq = birth.bdSeq
    edge.seq = birth.seq
    edge.birthWanted = false
    // Their aliases ended with the old session. They stay known: that a device is gone only a death can tell.
    for (const device of edge.devices.keys()) edge.devices.set(device, null)
    this.changed += 1
    return null
  }

  /** Null, or which bound it is that has no room for it. */
  deviceBirth(name: EdgeName, device: string, metrics: readonly KnownMetric[]): string | null {
    const before = this.get(name)?.devices.get(device)
    const made = birthOf(metrics)
    const grows = size(made) - size(before ?? null)
    if (this.#metrics + grows > this.limits.metrics) return `${this.limits.metrics} metrics are known already`
    if (before === undefined && this.#devices >= this.limits.devices) return `${this.limits.devices} devices are known already`
    const edge = this.#open(name)
    if (edge === null) return `${this.limits.edges} edges are known already`
    if (before === undefined) this.#devices += 1
    this.#metrics += grows
    edge.devices.set(device, made)
    this.changed += 1
    return null
  }

  /** Takes the seq of a message that follows a birth; a number left out makes a birth wanted. */
  follow(edge: Edge, seq: number): void {
    // The last one once more is the broker's second delivery and no loss.
    const inOrder = edge.seq === null || seq === (edge.seq + 1) % 256 || seq === edge.seq
    edge.seq = seq
    if (!inOrder) this.wantBirth(edge)
  }

  wantBirth(edge: Edge): void {
    if (edge.birthWanted) return
    edge.birthWanted = true
    this.changed += 1
  }

  /** Forgets the edge and answers its devices; null when it is not known, or when this death is not of its birth. */
  nodeDeath(name: EdgeName, bdSeq: bigint | null): string[] | null {
    const edge = this.get(name)
    if (edge === undefined || (edge.bdSeq !== null && edge.bdSeq !== bdSeq)) return null
    const devices = [...edge.devices.keys()]
    for (const device of devices) this.deviceDeath(edge, device)
    this.#metrics -= size(edge.birth)
    this.#edges.delete(edgeKey(name))
    this.changed += 1
    return devices
  }

  deviceDeath(edge: Edge, device: string): void {
    const birth = edge.devices.get(device)
    if (birth === undefined) return
    edge.devices.delete(device)
    this.#devices -= 1
    this.#metrics -= size(birth)
    this.changed += 1
  }

  snapshot(): SparkplugSnapshot {
    return {
      version: 1,
      edges: Array.from(this.#edges.values(), (edge) => ({
        group: edge.group,
        edge: edge.edge,
        birth: saveBirth(edge.birth),
        bdSeq: edge.bdSeq === null ? null : String(edge.bdSeq),
        seq: edge.seq,
        birthWanted: edge.birthWanted,
        devices: Array.from(edge.devices, ([device, birth]) => ({ device, birth: saveBirth(birth) })),
      })),
    }
  }

  #open({ group, edge }: EdgeName): Edge | null {
    const key = edgeKey({ group, edge })
    const known = this.#edges.get(key)
    if (known) return known
    if (this.#edges.size >= this.limits.edges) return null
    const made: Edge = { group, edge, birth: null, bdSeq: null, seq: null, birthWanted: true, devices: new Map() }
    this.#edges.set(key, made)
    return made
  }
}

const size = (birth: Birth | null): number => birth?.byName.size ?? 0

const saveBirth = (birth: Birth | null): Static<typeof SavedBirth> =>
  birth === null
    ? null
    : Array.from(birth.byName.values(), ({ name, alias, datatype }) => ({
        name,
        ...(alias !== null && { alias: String(alias) }),
        ...(datatype !== undefined && { datatype }),
      }))

const loadMetric = ({ name, alias, datatype }: Static<typeof SavedMetric>): KnownMetric => ({
  name,
  alias: alias === undefined ? null : BigInt(alias),
  datatype,
})
