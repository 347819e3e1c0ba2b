import type { ProcessUse } from './processes.ts'
import { median, slope } from './numbers.ts'

export interface MemorySample {
  /** Minutes since the first sample. */
  minute: number
  uses: ProcessUse[]
}
export interface MemoryOf {
  name: string
  /** Median of the last tenth of the samples, and the greatest, bytes. */
  endBytes: number
  peakBytes: number
  /** Over the second half: what still grows when everything is warm, bytes a minute. */
  slope: number
  /** Cores in use, mean. */
  cores: number
}

/** Per process and in sum; names that come twice (a service that was started again) are one. */
export function summarize(samples: readonly MemorySample[]): MemoryOf[] {
  const names = [...new Set(samples.flatMap((s) => s.uses.map((u) => u.name)))]
  return [...names.map((name) => one(name, samples, (u) => u.name === name)), one('sum', samples, () => true)]
}

function one(name: string, samples: readonly MemorySample[], mine: (u: ProcessUse) => boolean): MemoryOf {
  const line = samples.map((s) => {
    const uses = s.uses.filter(mine)
    return { x: s.minute, y: uses.reduce((sum, u) => sum + u.bytes, 0), cpuMs: uses.reduce((sum, u) => sum + u.cpuMs, 0) }
  })
  const tail = line.slice(-Math.max(1, Math.ceil(line.length / 10)))
  const minutes = (line.at(-1)?.x ?? 0) - (line[0]?.x ?? 0)
  // A process that ended takes its time with it: only steps forward count.
  const cpuMs = line.reduce((sum, p, i) => sum + Math.max(0, p.cpuMs - (line[i - 1]?.cpuMs ?? p.cpuMs)), 0)
  return {
    name,
    endBytes: median(tail.map((p) => p.y)),
    peakBytes: Math.max(...line.map((p) => p.y)),
    slope: slope(line.slice(Math.floor(line.length / 2))),
    cores: minutes === 0 ? 0 : cpuMs / (minutes * 60_000),
  }
}

const mib = (bytes: number): string => (bytes / 2 ** 20).toFixed(1)

export const memoryHead = ['process', 'MiB at the end', 'MiB at most', 'MiB/h grown', 'cores']
export const memoryRow = (m: MemoryOf): string[] => [m.name, mib(m.endBytes), mib(m.peakBytes), mib(m.slope * 60), m.cores.toFixed(2)]
