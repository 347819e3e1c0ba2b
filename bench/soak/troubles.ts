import { buildTopic, exceeded, metricByCode } from '@yiping/contract'
import mqtt from 'mqtt'
import { type LivePoint, messageOf } from '../real/live-plan.ts'
import type { Mosquitto } from '../real/mosquitto.ts'
import type { Scope } from '../scope.ts'

/** A value beyond a limit, where there is one. */
function beyond(point: LivePoint): number | null {
  const metric = metricByCode.get(point.metric)
  const range = metric?.checks.range ?? metric?.physical
  if (metric === undefined || range === undefined) return null
  for (let i = 20; i >= 0; i -= 1) {
    const value = range.min + ((range.max - range.min) * i) / 20
    if (exceeded(metric, value) !== null) return Number(value.toFixed(point.decimals))
  }
  return null
}

export interface Troubles {
  /** Points that speak here and nowhere else. */
  restless: readonly LivePoint[]
  /** Readings that went to the broker, by what must become of them. */
  sent: { stored: number; duplicate: number; rejected: number }
}

/**
 * What a city has beside calm readings, over and over: points that pass their limits for half of each short day and come back,
 * and once a day each: late readings, the same again, and messages that nobody can read.
 */
export async function causeTroubles(
  scope: Scope,
  broker: Mosquitto,
  points: readonly LivePoint[],
  daySeconds: number,
): Promise<Troubles & { end: () => Promise<void> }> {
  const restless = points.flatMap((point) => {
    const high = beyond(point)
    return high === null ? [] : [{ point, high }]
  })
  const chosen = restless.filter((_, i) => i % Math.max(1, Math.floor(restless.length / 20)) === 0).slice(0, 20)
  const client = await mqtt.connectAsync(broker.url, { protocolVersion: 4 })
  scope.defer('troubles', () => client.endAsync(true))
  const sent = { stored: 0, duplicate: 0, rejected: 0 }
  const under = new Set<Promise<unknown>>()
  const publish = (topic: string, payload: string): void => {
    const done = client.publishAsync(topic, payload, { qos: 1 })
    under.add(done)
    void done.then(() => under.delete(done))
  }
  let ticks = 0
  const timer = setInterval(() => {
    const now = Date.now()
    const high = ticks % daySeconds < daySeconds / 2
    for (const { point, high: value } of chosen) {
      const { topic, payload } = messageOf([{ point, value: high ? value : point.value }], now)
      publish(topic, payload)
      sent.stored += 1
    }
    if (ticks % daySeconds === Math.floor(daySeconds / 3)) {
      for (const { point } of chosen) {
        const late = messageOf([{ point, value: point.value }], now - 4 * daySeconds * 1000 - 500)
        publish(late.topic, late.payload)
        publish(late.topic, late.payload)
        sent.stored += 1
        sent.duplicate += 1
        publish(buildTopic({ kind: 'telemetry', domain: 'water', station: point.station }), '{"ts": "never", "values"')
        sent.rejected += 1
      }
    }
    ticks += 1
  }, 1000)
  scope.defer('the clock of troubles', () => clearInterval(timer))
  return {
    restless: chosen.map((c) => c.point),
    sent,
    async end() {
      clearInterval(timer)
      await Promise.all(under)
    },
  }
}
