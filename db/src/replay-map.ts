import { DomainCode, stationCodePattern } from '@yiping/contract'
import Type from 'typebox'
import { Errors } from 'typebox/value'
import { RegistryFileError, type StationSeed } from './seed-stations.ts'

/** The part of a replay map (simulator/replay/maps) that says which stations it plays. The rest is the simulator's. */
const ReplayStations = Type.Object({
  origin: Type.String({ minLength: 1 }),
  stations: Type.Array(
    Type.Object({
      code: Type.String({ pattern: stationCodePattern.source }),
      name: Type.String({ minLength: 1 }),
      domain: DomainCode,
      metrics: Type.Array(Type.String(), { minItems: 1 }),
    }),
    { minItems: 1 },
  ),
})

/** Stations of a replay: without district and place, since they stand in another city, and with their origin. */
export function parseReplayMap(text: string): StationSeed[] {
  const map: unknown = JSON.parse(text)
  if (!isReplayStations(map)) throw new RegistryFileError([...Errors(ReplayStations, map)].map((e) => `${e.instancePath || '/'} ${e.message}`))
  return map.stations.map((s) => ({
    ...s,
    kind: 'replay',
    district: null,
    lon: null,
    lat: null,
    gateway: null,
    origin: map.origin,
  }))
}

const isReplayStations = (value: unknown): value is Type.Static<typeof ReplayStations> => Errors(ReplayStations, value).length === 0
