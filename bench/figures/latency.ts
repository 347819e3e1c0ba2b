import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { buildTopic, kpis } from '@yiping/contract'
import { parseStationCsv } from '@yiping/db'
import mqtt from 'mqtt'
import { root } from '../built.ts'
import { openPage } from '../browser/open-page.ts'
import { liveFigure, watchFigure } from '../browser/wall.ts'
import { startCity } from '../city/start-city.ts'
import { median, quantile, seeded } from '../measure/numbers.ts'
import { delayP95 } from '../measure/server-truth.ts'
import type { Figure } from './figure.ts'
import { type Published, shownAfter } from './shown-after.ts'

/** The greatest methane reading over all valve chambers: a probe above every other one is the figure itself. */
const watched = 'gs.void_ch4_max'
const stationKind = 'gs_void'
/** %LEL, one decimal on the wall. Chambers read a few; 60.0 … 99.9 is the probe's alone, and 400 samples are told apart. */
const [lowest, steps] = [60, 400]

/** From a device's publish() to the frame in which the wall shows its value, with the whole city talking. */
export const latency: Figure = {
  name: 'latency',
  about: 'device to browser at the full rate of the simulated city',
  async run(bench, scope) {
    const kpi = kpis.find((k) => k.code === watched)
    const stations = parseStationCsv(await readFile(join(root, 'db/seeds/demo-stations.csv'), 'utf8'))
    const station = stations.find((s) => s.kind === stationKind)
    if (kpi === undefined || station === undefined) throw new Error(`the demo city has no ${watched}`)

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
    // Arrears and whatever a start leaves to do are over when the figures have been steady for a while.
    bench.say('city runs; 30 s of settling')
    await delay(30_000)

    const topic = buildTopic({ kind: 'telemetry', domain: station.domain, station: station.code })
    const arrived = new Map<string, number>()
    listener.on('message', (_topic, payload) => {
      const at = Date.now()
      const text = payload.toString()
      if (!arrived.has(text)) arrived.set(text, at)
    })
    await listener.subscribeAsync(topic, { qos: 1 })
    const shown = await watchFigure(page, kpi.name.zh)

    const random = seeded(bench.options.seed)
    const published: (Published & { payload: string })[] = []
    for (let i = 0; i < bench.options.samples; i += 1) {
      const value = lowest + (i % steps) / 10
      const at = Date.now()
      const payload = JSON.stringify({ ts: at, values: { [kpi.aggregate.metric]: value } })
      published.push({ text: value.toFixed(kpi.decimals), at, payload })
      device.publish(topic, payload, { qos: 1 })
      if (i % 30 === 29) bench.say(`${i + 1} of ${bench.options.samples} published`)
      // Apart by more than the second that a room rests after a delta, or the probe would wait for its own last value.
      await delay(1300 + 1000 * random())
    }
    await delay(3000)
    const serverP95 = await delayP95(city.address)
    const { waits, superseded, unseen } = shownAfter(published, await shown())
    const broker = published.flatMap((p) => {
      const at = arrived.get(p.payload)
      return at === undefined ? [] : [at - p.at]
    })
    if (unseen > 0 || broker.length < published.length)
      throw new Error(`of ${published.length} values ${unseen} never reached the screen, ${published.length - broker.length} not the listener`)
    const row = (name: string, q: number, atMost: number) => ({
      figure: `latency: device to wall ${name}`,
      measured: quantile(waits, q),
      unit: 'ms',
      decimals: 0,
      goal: { atMost },
      // Below the clock's millisecond nothing is told apart.
      reference: { value: Math.max(1, quantile(broker, q)), what: 'publisher to another subscriber of the same broker' },
    })
    return {
      rows: [row('p50', 0.5, 300), row('p95', 0.95, 1000)],
      notes: [
        `latency: ${waits.length} samples, of them ${superseded} replaced by a newer value before a frame showed them (counted up to that frame); fastest ${Math.min(...waits)} ms, slowest ${Math.max(...waits)} ms`,
        `latency: the server itself says delay p95 = ${serverP95 ?? 'nothing'} ms over the whole city (observedAt to the moment it leaves the server)`,
      ],
      detail: { waits, broker, brokerMedianMs: median(broker), superseded, serverP95 },
    }
  },
}
