import { setTimeout as delay } from 'node:timers/promises'
import { startCity } from '../city/start-city.ts'
import { watchOverview } from '../city/wall-client.ts'
import { memoryHead, memoryRow, type MemorySample, summarize } from '../measure/memory-log.ts'
import { useOf } from '../measure/processes.ts'
import { aligned } from '../report/table.ts'
import type { Figure } from './figure.ts'

const everyMs = 5000

/** Memory of all processes of the city, from an empty folder on: what filling the past took is part of it. */
export const memory: Figure = {
  name: 'memory',
  about: 'memory of all processes of the city after --minutes at full rate',
  async run(bench, scope) {
    const { minutes } = bench.options
    const city = await startCity(scope, { dataDir: await bench.folder(scope) })
    await watchOverview(scope, city.address)
    const samples: MemorySample[] = []
    const from = Date.now()
    for (let said = 0; Date.now() - from <= minutes * 60_000; ) {
      samples.push({ minute: (Date.now() - from) / 60_000, uses: await useOf(city.pid, await city.names()) })
      const minute = Math.floor((Date.now() - from) / 60_000)
      if (minute > said) {
        said = minute
        bench.say(`${minute} of ${minutes} min: ${((samples.at(-1)?.uses ?? []).reduce((n, u) => n + u.bytes, 0) / 2 ** 20).toFixed(0)} MiB`)
      }
      await delay(everyMs)
    }
    const of = summarize(samples)
    const sum = of.find((m) => m.name === 'sum')
    const database = of.find((m) => m.name === 'database')
    if (sum === undefined || database === undefined) throw new Error('nothing of the city was seen in /proc')
    const kinds = new Set(samples.flatMap((s) => s.uses.map((u) => u.kind)))
    return {
      rows: [
        {
          figure: `memory: city after ${minutes} min`,
          measured: sum.endBytes / 2 ** 30,
          unit: 'GiB',
          decimals: 2,
          goal: { atMost: 1.2 },
          reference: { value: database.endBytes / 2 ** 30, what: 'the embedded database process alone, same run' },
        },
      ],
      notes: [`memory: ${[...kinds].join(' and ')}, one wall connected, Chromium not counted\n${aligned([memoryHead, ...of.map(memoryRow)])}`],
      detail: { minutes, of },
    }
  },
}
