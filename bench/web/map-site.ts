import { readFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { dirname, extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import vue from '@vitejs/plugin-vue'
import type { DistrictsAnswer, RegistryAnswer } from '@yiping/contract'
import { build } from 'vite'
import { loadDistrictShapes } from '../../db/src/district-shapes.ts'
import { parseStationCsv } from '../../db/src/seed-stations.ts'
import type { Scope } from '../scope.ts'

const here = dirname(fileURLToPath(import.meta.url))
const types: Readonly<Record<string, string>> = { '.html': 'text/html', '.js': 'text/javascript', '.css': 'text/css', '.json': 'application/json' }

/** A city of `count` stations: the demo city's, each with neighbours a few hundred metres off. */
async function cityOf(count: number): Promise<string> {
  const seeds = parseStationCsv(await readFile(join(here, '../../db/seeds/demo-stations.csv'), 'utf8'))
  const at = Array.from({ length: count }, (_, i) => {
    const seed = seeds[i % seeds.length]
    const turn = Math.floor(i / seeds.length)
    if (!seed) throw new Error('no demo station')
    // The golden angle spreads the copies around their place.
    return {
      ...seed,
      code: `${seed.code}-${turn}`,
      lon: (seed.lon ?? 0) + 0.006 * turn * Math.cos(i * 2.4),
      lat: (seed.lat ?? 0) + 0.005 * turn * Math.sin(i * 2.4),
    }
  })
  const registry: RegistryAnswer = {
    ...{ version: '1', origin: null, zone: 'Asia/Shanghai', code: at.map((s) => s.code), name: at.map((s) => s.name), kind: at.map((s) => s.kind) },
    ...{ domain: at.map((s) => s.domain), district: at.map((s) => s.district ?? ''), lon: at.map((s) => s.lon), lat: at.map((s) => s.lat) },
  }
  const districts: DistrictsAnswer = {
    type: 'FeatureCollection',
    features: (await loadDistrictShapes()).map((d) => ({
      type: 'Feature',
      properties: { adcode: d.adcode, name: { zh: d.name, en: d.nameEn }, parent: null, level: 'district', center: d.center },
      geometry: d.geometry,
    })),
  }
  const states = at.map((_, i) => (i % 67 === 0 ? 'offline' : i % 101 === 0 ? 'late' : 'online'))
  // One in a hundred is beyond a limit, half of them so that they must stand by themselves.
  const severities = at.map((_, i) => (i % 100 === 7 ? (Math.floor(i / 100) % 4) + 1 : null))
  return JSON.stringify({ registry, districts, states, severities })
}

/** The map's own page, built as the client is, and served on loopback. */
export async function mapSite(scope: Scope, folder: string, count: number): Promise<string> {
  await build({
    ...{ configFile: false, logLevel: 'error', root: join(here, 'map'), base: './', plugins: [vue()] },
    build: { outDir: folder, emptyOutDir: true, target: 'es2022', modulePreload: { polyfill: false }, chunkSizeWarningLimit: 4000 },
  })
  const city = await cityOf(count)
  const server = createServer((request, response) => {
    const path = new URL(request.url ?? '/', 'http://site').pathname
    const name = path === '/' ? 'index.html' : path.slice(1)
    const send = (body: string | Buffer): void => void response.writeHead(200, { 'content-type': types[extname(name)] ?? 'application/octet-stream' }).end(body)
    if (name === 'city.json') send(city)
    else readFile(join(folder, name)).then(send, () => response.writeHead(404).end())
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  scope.defer('map site', () => new Promise((resolve) => server.close(resolve).closeAllConnections()))
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}
