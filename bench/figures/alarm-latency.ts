import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { alarmId, buildTopic, subscriptions } from '@yiping/contract'
import { parseStationCsv } from '@yiping/db'
import mqtt from 'mqtt'
import { openPage } from '../browser/open-page.ts'
import { liveFigure, watchAlarms } from '../browser/wall.ts'
import { root } from '../built.ts'
import { startCity } from '../city/start-city.ts'
import { quantile, seeded } from '../measure/numbers.ts'
import type { Figure } from './figure.ts'

const rule = 'gs.ch4_lel.high'
const metric = 'gs.ch4_lel'
/** %LEL: beyond the red step, which counts from the first reading on. */
const value = 66

/** From a device's publish() of a reading over its limit to the frame in which the wall lists the alarm, with the whole city talking. */
export const alarmLatency: Figure = {
  name: 'alarm-latency',
  about: 'reading over its limit to the alarm on the wall, at the full rate of the simulated city',
  async run(bench, scope) {
    const stations = parseStationCsv(await readFile(join(root, 'db/seeds/demo-stations.csv'), 'utf8')).filter((s) => s.kind === 'gs_void')
    const samples = Math.min(bench.options.samples, stations.length)
    const { dataDir } = await bench.data()
    const city = await startCity(scope, { dataDir })
    const page = await openPage(scope, await bench.browser(), city.address)
    await page.goto(`${city.address}/`)
    await liveFigure(page, 60_000)
    const { mqttUrl } = await city.run()
    const device = await mqtt.connectAsync(mqttUrl, { protocolVersion: 4 })
    scope.defer('probe', () => device.endAsync(true))
    const listener = await mqtt.connectAsync(mqttUrl, { protocolVersion: 4 })
    scope.defer('listener', () => listener.endAsync(true))
    bench.say('city runs; 30 s of settling')
    await delay(30_000)

    const arrived = new Map<string, number>()
    listener.on('message', (topic, payload) => {
      if (payload.includes(`"${metric}":${value}`) && !arrived.has(topic)) arrived.set(topic, Date.now())
    })
    await listener.subscribeAsync([...subscriptions], { qos: 1 })
    const shown = await watchAlarms(page)
    const random = seeded(bench.options.seed)
    const published: { id: string; topic: string; at: number }[] = []
    for (let i = 0; i < samples; i += 1) {
      const station = stations[i]?.code ?? ''
      const topic = buildTopic({ kind: 'telemetry', domain: 'gas', station })
      const at = Date.now()
      published.push({ id: alarmId(rule, `${station}:${metric}`, at), topic, at })
      device.publish(topic, JSON.stringify({ ts: at, values: { [metric]: value } }), { qos: 1 })
      if (i % 30 === 29) bench.say(`${i + 1} of ${samples} published`)
      await delay(1000 + 1000 * random())
    }
    await delay(3000)
    const seen = await shown()
    const waits = published.flatMap(({ id, at }) => {
      const shownAt = seen[id]
      return shownAt === undefined ? [] : [shownAt - at]
    })
    const broker = published.flatMap((p) => {
      const at = arrived.get(p.topic)
      return at === undefined ? [] : [at - p.at]
    })
    if (waits.length < published.length) throw new Error(`of ${published.length} alarms ${published.length - waits.length} never stood on the wall`)
    return {
      rows: [
        {
          figure: 'alarm-latency: over the limit to the wall p95',
          measured: quantile(waits, 0.95),
          unit: 'ms',
          decimals: 0,
          goal: { atMost: 1000 },
          reference: { value: Math.max(1, quantile(broker, 0.95)), what: 'publisher to another subscriber of the same broker' },
        },
      ],
      notes: [
        `alarm-latency: ${waits.length} alarms of as many stations, median ${quantile(waits, 0.5)} ms, fastest ${Math.min(...waits)} ms, slowest ${Math.max(...waits)} ms; the wall lists the worst and newest first`,
      ],
      detail: { waits, broker },
    }
  },
}
