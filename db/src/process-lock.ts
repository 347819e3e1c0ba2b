/**
 * One process per data directory. The engine takes no lock of its own: two that open the same
 * directory corrupt it without a word.
 *
 * The lock is a file beside the directory, `<dataDir>.lock`, that names the holder by process id
 * and birth. An id alone is not enough: ids are used again, at the latest after a restart of the
 * machine.
 *
 * | the file names                           | verdict                                      |
 * | ---------------------------------------- | -------------------------------------------- |
 * | a live process with the same birth       | in use                                       |
 * | a live process with another birth        | stale: the id was given to someone else      |
 * | a live process, and births are unknown   | in use (a wrong refusal harms less)          |
 * | a dead process, a zombie, nothing legible | stale                                       |
 *
 * It guards processes of one machine that see each other's ids, not two containers on one volume.
 */
import { execFileSync } from 'node:child_process'
import fs from 'node:fs'
import path from 'node:path'

/** What can be found out about a process id. `birth` is null when the platform does not tell. */
export type Vitals = { alive: false } | { alive: true; birth: string | null }

export type Verdict = { inUse: true; pid: number } | { inUse: false }

export type Acquired = { ok: true; release: () => void } | { ok: false; pid: number; path: string }

interface Holder {
  pid: number
  birth: string | null
}

const DEAD: Vitals = { alive: false }

/** From the text of /proc/<pid>/stat; the name in brackets may itself hold spaces and brackets. */
export function vitalsFromStat(stat: string, bootId: string): Vitals {
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  const state = fields[0]
  const startTicks = fields[19]
  if (state === 'Z' || state === 'X' || startTicks === undefined) return DEAD
  return { alive: true, birth: `${bootId}/${startTicks}` } // ticks count from the machine's start
}

function vitalsFromProc(pid: number): Vitals {
  const bootId = fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  return vitalsFromStat(fs.readFileSync(`/proc/${pid}/stat`, 'utf8'), bootId)
}

function vitalsFromPs(pid: number): Vitals {
  try {
    process.kill(pid, 0)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EPERM') return DEAD
  }
  if (process.platform === 'win32') return { alive: true, birth: null }
  try {
    const birth = execFileSync('ps', ['-o', 'lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { PATH: '/bin:/usr/bin', LC_ALL: 'C', TZ: 'UTC' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim()
    return { alive: true, birth: birth || null }
  } catch {
    return { alive: true, birth: null }
  }
}

export function vitals(pid: number, hasProc = fs.existsSync('/proc/self/stat')): Vitals {
  if (!hasProc) return vitalsFromPs(pid)
  try {
    return vitalsFromProc(pid)
  } catch {
    return DEAD
  }
}

export function parseHolder(text: string): Holder | null {
  const match = /^(\d+) (\S.*)\n$/.exec(text)
  if (!match?.[1] || !match[2]) return null
  return { pid: Number(match[1]), birth: match[2] === '?' ? null : match[2] }
}

export function judge(text: string, look: (pid: number) => Vitals): Verdict {
  const holder = parseHolder(text)
  if (!holder) return { inUse: false }
  const found = look(holder.pid)
  if (!found.alive) return { inUse: false }
  const someoneElse = found.birth !== null && holder.birth !== null && found.birth !== holder.birth
  return someoneElse ? { inUse: false } : { inUse: true, pid: holder.pid }
}

export function lockPath(dataDir: string): string {
  return `${path.resolve(dataDir)}.lock`
}

function readIfThere(file: string): string | null {
  try {
    return fs.readFileSync(file, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw error
  }
}

/** A hard link appears at once with its whole content, or not at all when the name is taken. */
function linkIfFree(draft: string, file: string): boolean {
  try {
    fs.linkSync(draft, file)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

/**
 * Moves a stale lock out of the way. Between the verdict and the move someone else may have done
 * the same and be the rightful holder by now: then their file goes back.
 */
function setAside(file: string, judged: string): void {
  const aside = `${file}.${process.pid}.stale`
  try {
    fs.renameSync(file, aside)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return
    throw error
  }
  if (readIfThere(aside) !== judged) linkIfFree(aside, file)
  fs.rmSync(aside, { force: true })
}

/** Takes the lock of a data directory, or says who holds it. */
export function acquireLock(dataDir: string, look: (pid: number) => Vitals = (pid) => vitals(pid)): Acquired {
  const file = lockPath(dataDir)
  const own = look(process.pid)
  const text = `${process.pid} ${(own.alive ? own.birth : null) ?? '?'}\n`
  const draft = `${file}.${process.pid}.new`
  fs.mkdirSync(path.dirname(file), { recursive: true })
  fs.writeFileSync(draft, text)
  try {
    for (;;) {
      if (linkIfFree(draft, file)) break
      const present = readIfThere(file)
      if (present === null) continue
      const verdict = judge(present, look)
      if (verdict.inUse) return { ok: false, pid: verdict.pid, path: file }
      setAside(file, present)
    }
  } finally {
    fs.rmSync(draft, { force: true })
  }
  return {
    ok: true,
    release: () => {
      if (readIfThere(file) === text) fs.rmSync(file, { force: true })
    },
  }
}
