import { setTimeout as delay } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { serverNodeFlags } from '@yiping/contract'
import { startCity } from '../city/start-city.ts'
import { type Part, startPart } from '../city/start-part.ts'
import { heldBy, tellsMemory } from '../measure/held-memory.ts'
import { median, quantile } from '../measure/numbers.ts'
import { cpuMsOf, rssOf } from '../measure/processes.ts'
import { type Scope, withScope } from '../scope.ts'
import type { Figure } from './figure.ts'

const entry = fileURLToPath(new URL('../web/wall-clients.ts', import.meta.url))
const bare = fileURLToPath(new URL('../web/bare-sockets.ts', import.meta.url))
const walls = 1000
/** Connected to a server that has just begun, before its memory is looked at: what a process takes once is not a client's. */
const warmUp = 50
const measuredMs = 60_000

interface Seen {
  waits: number[]
  drops: number
  bytes: number[]
}
async function ask(part: Part): Promise<Seen> {
  const answer = part.says('seen')
  part.tell('ask')
  const { waits, drops, bytes } = await answer
  return { waits: waits as number[], drops: Number(drops), bytes: bytes as number[] }
}
/** `databaseUrl` empty: a server that asks nobody who they are. */
const open = (scope: Scope, address: string, databaseUrl: string, count: number): Promise<Part> =>
  startPart(scope, entry, { args: [address, databaseUrl, String(count)] })

async function during(part: Part, ms: number): Promise<Seen & { bytesPerSecond: number }> {
  const before = await ask(part)
  const began = performance.now()
  await delay(ms)
  const after = await ask(part)
  const s = (performance.now() - began) / 1000
  return { ...after, bytesPerSecond: median(after.bytes.map((b, i) => (b - (before.bytes[i] ?? 0)) / s)) }
}

/** What each of so many clients adds to a server that is Socket.IO and nothing else, bytes: held, and given by the system. */
const bareMemory = (folder: string, frameBytes: number, settleMs: number): Promise<{ held: number; rss: number }> =>
  withScope(async (scope) => {
    const server = await startPart(scope, bare, { args: [String(frameBytes)], execArgv: [...process.execArgv, ...serverNodeFlags], env: tellsMemory(folder) })
    const address = String(server.ready.address)
    await open(scope, address, '', warmUp)
    await delay(10_000)
    const before = await heldBy(server.pid, folder)
    const rssBefore = await rssOf(server.pid)
    await open(scope, address, '', walls)
    await delay(settleMs)
    const rss = ((await rssOf(server.pid)) - rssBefore) / walls
    return { held: ((await heldBy(server.pid, folder)) - before) / walls, rss }
  })

/** Many walls on one server process at the full rate of the simulated city. */
export const clients: Figure = {
  name: 'clients',
  about: '1,000 walls on one server process: delay that they add, memory and bytes of each, and what a stalled one does to the rest',
  async run(bench, scope) {
    const { dataDir } = await bench.data()
    const folder = await bench.folder(scope)
    const city = await startCity(scope, { dataDir, env: tellsMemory(folder) })
    const server = [...(await city.names())].find(([, name]) => name === 'server')?.[0]
    if (server === undefined) throw new Error('no process is called server')
    const { databaseUrl } = await city.run()
    const one = await open(scope, city.address, databaseUrl, 1)
    bench.say('city runs; 30 s of settling')
    await delay(30_000)
    const alone = await during(one, measuredMs)
    const heldBefore = await heldBy(server, folder)
    const rssBefore = await rssOf(server)
    const cpuBefore = await cpuMsOf(server)
    bench.say(`one wall: p95 ${quantile(alone.waits, 0.95)} ms; ${walls} more`)
    const many = await open(scope, city.address, databaseUrl, walls)
    await delay(10_000)
    const crowd = await during(many, measuredMs)
    const rssAfter = await rssOf(server)
    const cpuPerSecond = ((await cpuMsOf(server)) - cpuBefore) / (measuredMs + 10_000)
    const heldAfter = await heldBy(server, folder)
    await ask(one)
    bench.say(`${walls} walls: p95 ${quantile(crowd.waits, 0.95)} ms; now one that stalls`)
    const stalled = many.says('stalled')
    many.tell('stall 1')
    await stalled
    const beside = await during(many, 30_000)
    bench.say('reference: Socket.IO and nothing else')
    const bareEach = await bareMemory(folder, Math.round(crowd.bytesPerSecond), measuredMs + 10_000)
    return {
      rows: [
        {
          figure: `clients: delay added at ${walls} walls, p95`,
          measured: quantile(crowd.waits, 0.95) - quantile(alone.waits, 0.95),
          unit: 'ms',
          decimals: 0,
          goal: { atMost: 100 },
          reference: { value: Math.max(1, quantile(alone.waits, 0.95)), what: 'p95 of one wall alone on the same server' },
        },
        {
          figure: 'clients: delay with one stalled, p95',
          measured: quantile(beside.waits, 0.95) - quantile(alone.waits, 0.95),
          unit: 'ms',
          decimals: 0,
          goal: { atMost: 100 },
          reference: { value: Math.max(1, quantile(crowd.waits, 0.95)), what: `p95 of ${walls} walls without it` },
        },
        {
          figure: 'clients: memory of each, held',
          measured: (heldAfter - heldBefore) / walls / 1024,
          unit: 'KiB',
          decimals: 1,
          goal: { atMost: 30 },
          reference: { value: bareEach.held / 1024, what: 'a server that is Socket.IO and nothing else, everybody in one room' },
        },
        {
          figure: 'clients: memory of each, growth of the process',
          measured: (rssAfter - rssBefore) / walls / 1024,
          unit: 'KiB',
          decimals: 1,
          goal: { atMost: 30 },
          reference: { value: bareEach.rss / 1024, what: 'the same bare server' },
        },
        {
          figure: 'clients: bytes a wall and second',
          measured: crowd.bytesPerSecond / 1024,
          unit: 'KiB',
          decimals: 2,
          goal: { atMost: 4 },
          reference: { value: alone.bytesPerSecond / 1024, what: 'one wall alone' },
        },
      ],
      notes: [
        `clients: ${crowd.waits.length} overview frames taken in by ${walls} walls in ${measuredMs / 1000} s, ${crowd.drops + beside.drops} walls dropped; server used ${(cpuPerSecond * 100).toFixed(0)} % of a core; walls and server share the machine's cores`,
        'clients: delay is from the moment a frame is made to the moment a wall has parsed it; bytes are those of the TCP stream, as they are (no compression)',
        `clients: held is what is left after a forced collection, growth is without one at its end; ${(heldBefore / 2 ** 20).toFixed(0)} MiB with one wall; resident memory, garbage and the server's other work included, went from ${(rssBefore / 2 ** 20).toFixed(0)} to ${(rssAfter / 2 ** 20).toFixed(0)} MiB`,
      ],
      detail: {
        alone: { ...alone, waits: undefined },
        p50: [median(alone.waits), median(crowd.waits), median(beside.waits)],
        rssBefore,
        rssAfter,
        heldBefore,
        heldAfter,
        bareEach,
      },
    }
  },
}
