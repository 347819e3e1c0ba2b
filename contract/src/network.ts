import type { StationKindCode } from './catalogue/station-kind.ts'
import type { DomainCode } from './domain.ts'

/** What says something of a pipe: points of a metric at stations of these kinds. */
export interface NetworkMeasure {
  metric: string
  kinds: readonly StationKindCode[]
}

/** Which readings a utility's network is coloured by. A utility that is not here has no network to colour. */
export const networkMeasures: Readonly<Partial<Record<DomainCode, { pressure: NetworkMeasure; flow: NetworkMeasure }>>> = {
  water: { pressure: { metric: 'ws.pressure', kinds: ['ws_pressure', 'ws_dma'] }, flow: { metric: 'ws.flow', kinds: ['ws_plant', 'ws_dma'] } },
}

/** A station stands at the network where a node of it is so near, km; beyond, it says nothing of it. */
export const tapKm = 1
/** Pressure of a node comes from at most so many stations, and from none further along the pipes than this, km. */
export const nearestStations = 3
export const reachKm = 5
