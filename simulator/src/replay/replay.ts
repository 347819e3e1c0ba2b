import { buildTopic, type DomainCode } from '@yiping/contract'
import type { Link } from '../publish/link.ts'
import { rowsOf } from './csv.ts'
import { createDecoder, newTally, timeOf, type ReplayReading, type Tally } from './decode.ts'
import type { ReplayMap } from './map.ts'

const samplesPerMessage = 200

/** Time of the last row, for `--rebase`. */
async function lastTime(file: string, map: ReplayMap): Promise<number> {
  let at = -1
  let last = Number.NEGATIVE_INFINITY
  for await (const row of rowsOf(file)) {
    if (at < 0) at = row.indexOf(map.time.column)
    else last = Math.max(last, timeOf(row[at] ?? '', map.time.zone) ?? last)
  }
  return last
}

/**
 * Plays a file through MQTT, in the file's order per station, as fast as the broker acknowledges. Readings that the
 * file has twice are sent twice: to recognise them is ingest's work, to count them ours. Resolves after the last PUBACK.
 */
export async function replay(options: { file: string; map: ReplayMap; link: Link; rebaseTo: number | null }): Promise<Tally> {
  const { file, map, link, rebaseTo } = options
  const shift = rebaseTo === null ? 0 : Math.floor((rebaseTo - (await lastTime(file, map))) / 1000) * 1000
  const tally = newTally()
  const domainOf = new Map<string, DomainCode>(map.stations.map((s) => [s.code, s.domain]))
  const pending = new Map<string, { ts: number; values: Record<string, number> }[]>()

  const send = async (station: string): Promise<void> => {
    const samples = pending.get(station) ?? []
    pending.delete(station)
    const domain = domainOf.get(station)
    if (domain === undefined) throw new Error(`station ${station} is not in the map`)
    const message = { topic: buildTopic({ kind: 'telemetry', domain, station }), payload: JSON.stringify(samples) }
    while (!link.send(message)) await link.roomAgain()
  }
  let decode: ((row: readonly string[]) => ReplayReading[]) | null = null
  for await (const row of rowsOf(file)) {
    if (decode === null) {
      decode = createDecoder(map, row, tally)
      continue
    }
    const byStation = new Map<string, Record<string, number>>()
    let ts = 0
    for (const r of decode(row)) {
      ts = r.ts + shift
      byStation.set(r.station, { ...byStation.get(r.station), [r.metric]: r.value })
    }
    for (const [station, values] of byStation) {
      const samples = pending.get(station) ?? []
      samples.push({ ts, values })
      pending.set(station, samples)
      if (samples.length >= samplesPerMessage) await send(station)
    }
  }
  for (const station of [...pending.keys()]) await send(station)
  await link.drained()
  return tally
}

export const report = (map: ReplayMap, t: Tally): string =>
  `replay ${map.dataset}: rows read ${t.rows}, readings published ${t.readings}, cells empty ${t.empty}, cells unreadable ${t.unreadable}, ` +
  `rows without a time ${t.badTimes}, duplicates in file ${t.duplicates}\norigin: ${map.origin}\n`
