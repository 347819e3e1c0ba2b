import { appendFileSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { RegisteredStation } from '@yiping/db'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { readRegistry, saveRegistry } from '../src/registry-cache.ts'

let folder: string
let file: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'yiping-registry-'))
  file = join(folder, 'shard', 'registry.jsonl')
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const station = (id: number): RegisteredStation => ({
  ...{ id, code: `WS-${id}`, name: `水厂 "${id}"\n`, kind: 'ws_pressure', domain: 'water', district: '410105', lon: 113.7, lat: 34.8 },
  ...{ gateway: null, origin: null, maintenance: false, owner: null, feeder: null, createdAt: 1_796_000_000_000 },
  points: [{ id, metric: 'ws.pressure', intervalS: 60 }],
})

it('is read as it was saved, also when it is many pieces long, and takes the place of the one before', () => {
  const many = Array.from({ length: 2000 }, (_, i) => station(i))
  saveRegistry(file, many)
  expect(readRegistry(file)).toEqual(many)
  saveRegistry(file, [station(7)])
  expect(readRegistry(file)).toEqual([station(7)])
  saveRegistry(file, [])
  expect(readRegistry(file)).toEqual([])
  expect(readdirSync(join(folder, 'shard'))).toEqual(['registry.jsonl'])
})

it('is none where it was cut off, added to, of another version or shape, or is not there', () => {
  expect(readRegistry(file)).toBeNull()
  saveRegistry(file, [station(1), station(2)])
  const whole = readFileSync(file, 'utf8')
  for (let length = 0; length < whole.length - 1; length += 1) {
    writeFileSync(file, whole.slice(0, length))
    expect([length, readRegistry(file)]).toEqual([length, null])
  }
  writeFileSync(file, whole)
  appendFileSync(file, `${JSON.stringify(station(3))}\n`)
  expect(readRegistry(file)).toBeNull()
  writeFileSync(file, JSON.stringify({ version: 1, stations: [station(1)] }))
  expect(readRegistry(file)).toBeNull()
  writeFileSync(file, whole.replace('"domain":"water"', '"domain":"wind"'))
  expect(readRegistry(file)).toBeNull()
})
