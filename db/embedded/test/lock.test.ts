import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'

import { afterEach, beforeEach, describe, expect, test } from 'vitest'

import { acquireLock, judge, lockPath, parseHolder, vitals, vitalsFromStat, type Vitals } from '../../src/process-lock.ts'

let dir = ''
let dataDir = ''

beforeEach(() => {
  dir = fs.mkdtempSync(path.join(os.tmpdir(), 'yiping-lock-'))
  dataDir = path.join(dir, 'pg')
})

afterEach(() => fs.rmSync(dir, { recursive: true }))

async function deadPid(): Promise<number> {
  const child = spawn(process.execPath, ['--version'], { stdio: 'ignore' })
  await once(child, 'exit')
  return child.pid as number
}

describe('a lock', () => {
  test('names its holder, and is gone after the release', () => {
    const lock = acquireLock(dataDir)
    if (!lock.ok) throw new Error('it was free')
    expect(parseHolder(fs.readFileSync(lockPath(dataDir), 'utf8'))?.pid).toBe(process.pid)
    lock.release()
    expect(fs.readdirSync(dir)).toEqual([])
  })

  test('is refused while its holder lives', () => {
    const held = acquireLock(dataDir)
    expect(acquireLock(dataDir)).toEqual({ ok: false, pid: process.pid, path: lockPath(dataDir) })
    expect(held.ok).toBe(true)
    expect(fs.readdirSync(dir)).toEqual(['pg.lock'])
  })

  test('is the same for each way to write the path', () => {
    expect(lockPath(`${dataDir}/`)).toBe(lockPath(dataDir))
    expect(lockPath(path.relative(process.cwd(), dataDir))).toBe(lockPath(dataDir))
  })

  test.for([
    ['another birth of a live process', async () => `${process.pid} another/1\n`],
    ['a dead process', async () => `${await deadPid()} some/1\n`],
    ['a dead process of unknown birth', async () => `${await deadPid()} ?\n`],
    ['nothing', async () => ''],
    ['half a line', async () => '12'],
    ['something else', async () => 'hello\n'],
  ] as [string, () => Promise<string>][])('that names %s is stale', async ([, text]) => {
    fs.writeFileSync(lockPath(dataDir), await text())
    expect(acquireLock(dataDir).ok).toBe(true)
    expect(fs.readdirSync(dir)).toEqual(['pg.lock'])
  })

  test('is not taken away from a later holder by the release of an earlier one', () => {
    const first = acquireLock(dataDir)
    fs.writeFileSync(lockPath(dataDir), `${process.pid} later\n`)
    if (first.ok) first.release()
    expect(fs.existsSync(lockPath(dataDir))).toBe(true)
  })
})

describe('where the birth of a process is not known', () => {
  const blind = (alive: boolean): (() => Vitals) => {
    const found: Vitals = alive ? { alive, birth: null } : { alive }
    return () => found
  }

  test('a live process id counts as the holder', () => {
    expect(judge('12 ?\n', blind(true))).toEqual({ inUse: true, pid: 12 })
    expect(judge('12 boot/1\n', blind(true))).toEqual({ inUse: true, pid: 12 })
    expect(judge('12 ?\n', () => ({ alive: true, birth: 'x' }))).toEqual({ inUse: true, pid: 12 })
    expect(judge('12 ?\n', blind(false))).toEqual({ inUse: false })
  })

  test('a lock is taken and held all the same', () => {
    expect(acquireLock(dataDir, blind(true)).ok).toBe(true)
    expect(fs.readFileSync(lockPath(dataDir), 'utf8')).toBe(`${process.pid} ?\n`)
    expect(acquireLock(dataDir, blind(true)).ok).toBe(false)
  })
})

describe('vitals', () => {
  const stat = (state: string) => `42 (a name) with) brackets) ${state} 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 777 20`

  test('of /proc are the state and the start', () => {
    expect(vitalsFromStat(stat('S'), 'boot')).toEqual({ alive: true, birth: 'boot/777' })
    expect(vitalsFromStat(stat('Z'), 'boot')).toEqual({ alive: false })
    expect(vitalsFromStat('', 'boot')).toEqual({ alive: false })
  })

  test.for([[true], [false]])('of this process are steady, of a dead one nothing (with /proc: %s)', async ([withProc]) => {
    const hasProc = withProc === true && fs.existsSync('/proc/self/stat')
    const own = vitals(process.pid, hasProc)
    expect(own.alive).toBe(true)
    expect(vitals(process.pid, hasProc)).toEqual(own)
    expect(vitals(await deadPid(), hasProc)).toEqual({ alive: false })
  })
})
