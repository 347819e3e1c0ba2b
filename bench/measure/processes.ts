import { readdir, readFile } from 'node:fs/promises'

export interface ProcessUse {
  pid: number
  name: string
  /** Memory, bytes: proportional (shared pages are counted once over all processes) where the kernel tells it, else resident. */
  bytes: number
  kind: 'pss' | 'rss'
  /** Time on a core since the process began, ms. */
  cpuMs: number
}

/** Linux counts in ticks of 10 ms on every platform that Node runs on. */
const tickMs = 10

interface Stat {
  parent: number
  cpuMs: number
}

async function stat(pid: number): Promise<Stat | null> {
  try {
    const text = await readFile(`/proc/${pid}/stat`, 'utf8')
    // The name in brackets may hold anything, blanks and brackets too.
    const cells = text.slice(text.lastIndexOf(')') + 2).split(' ')
    return { parent: Number(cells[1]), cpuMs: (Number(cells[11]) + Number(cells[12])) * tickMs }
  } catch {
    return null
  }
}

export async function cpuMsOf(pid: number): Promise<number> {
  return (await stat(pid))?.cpuMs ?? Number.NaN
}

async function memoryOf(pid: number): Promise<{ bytes: number; kind: 'pss' | 'rss' } | null> {
  for (const [file, key, kind] of [
    ['smaps_rollup', 'Pss', 'pss'],
    ['status', 'VmRSS', 'rss'],
  ] as const)
    try {
      const found = new RegExp(`^${key}:\\s+(\\d+) kB`, 'm').exec(await readFile(`/proc/${pid}/${file}`, 'utf8'))
      if (found) return { bytes: Number(found[1]) * 1024, kind }
    } catch {
      // Gone meanwhile, or not ours to read: the next file, or none.
    }
  return null
}

/** `pid` and everything below it. */
export async function processTree(pid: number): Promise<number[]> {
  const all = (await readdir('/proc')).filter((n) => /^\d+$/.test(n)).map(Number)
  const parents = new Map<number, number>()
  for (const p of all) {
    const s = await stat(p)
    if (s) parents.set(p, s.parent)
  }
  const tree = [pid]
  for (let i = 0; i < tree.length; i += 1) for (const [child, parent] of parents) if (parent === tree[i]) tree.push(child)
  return tree
}

export async function commandOf(pid: number): Promise<string> {
  return (await readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')).replaceAll('\0', ' ').trim()
}

/** Memory and time of a process and of all below it, by the names that are known. */
export async function useOf(pid: number, names: ReadonlyMap<number, string>): Promise<ProcessUse[]> {
  const uses: ProcessUse[] = []
  for (const p of await processTree(pid)) {
    const memory = await memoryOf(p)
    const s = await stat(p)
    if (memory && s)
      uses.push({ pid: p, name: names.get(p) ?? (/--history|import-readings/.exec(await commandOf(p)) ? 'history' : 'other'), ...memory, cpuMs: s.cpuMs })
  }
  return uses
}

/** Resident memory, bytes. */
export async function rssOf(pid: number): Promise<number> {
  const found = /^VmRSS:\s+(\d+) kB/m.exec(await readFile(`/proc/${pid}/status`, 'utf8').catch(() => ''))
  return found ? Number(found[1]) * 1024 : Number.NaN
}

/** Open file handles (sockets, pipes and watches too) and threads. */
export async function handlesOf(pid: number): Promise<{ handles: number; threads: number }> {
  const count = async (folder: string): Promise<number> => (await readdir(`/proc/${pid}/${folder}`).catch(() => [])).length
  return { handles: await count('fd'), threads: await count('task') }
}
