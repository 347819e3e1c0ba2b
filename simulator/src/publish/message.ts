import { buildTopic, qualityFromCode } from '@yiping/contract'
import type { Station } from '../city/registry.ts'
import type { Sample } from '../device/emission.ts'

export interface Message {
  topic: string
  payload: string
}
export interface Spoken {
  station: Station
  /** In order of time. */
  samples: readonly Sample[]
}

const wire = ({ ts, values }: Sample) => ({
  ts,
  values: Object.fromEntries(values.map((v) => [v.sensor.metric.code, v.quality === 0 ? v.value : { value: v.value, quality: qualityFromCode(v.quality) }])),
})

/** Far below the interface's limits of 1 MiB and 10,000 readings. */
const samplesPerMessage = 200

/** Stations with a link of their own: one sample as an object, several as an array. */
export function stationMessages({ station, samples }: Spoken): Message[] {
  const topic = buildTopic({ kind: 'telemetry', domain: station.domain, station: station.code })
  const out: Message[] = []
  for (let i = 0; i < samples.length; i += samplesPerMessage) {
    const part = samples.slice(i, i + samplesPerMessage).map(wire)
    out.push({ topic, payload: JSON.stringify(part.length === 1 ? part[0] : part) })
  }
  return out
}

/** Stations behind one gateway speak in one message, in ThingsBoard's gateway shape. */
export function gatewayMessages(members: readonly Spoken[]): Message[] {
  const topic = buildTopic({ kind: 'gateway' })
  const out: Message[] = []
  let body: Record<string, unknown[]> = {}
  let room = samplesPerMessage
  const flush = (): void => {
    if (room < samplesPerMessage) out.push({ topic, payload: JSON.stringify(body) })
    body = {}
    room = samplesPerMessage
  }
  for (const { station, samples } of members)
    for (const sample of samples) {
      const said = body[station.code]
      if (said) said.push(wire(sample))
      else body[station.code] = [wire(sample)]
      if (--room === 0) flush()
    }
  flush()
  return out
}
