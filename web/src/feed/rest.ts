import type { DistrictsAnswer, RegistryAnswer, SeriesAnswer, StationAnswer, Tier } from '@yiping/contract/screen'

/** A request that did not come to an answer. `code` is the server's stable code, or why there is none. */
export class RestError extends Error {
  readonly code: string
  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.name = 'RestError'
    this.code = code
  }
}

const timeoutMs = 15_000

async function get<T>(path: string, signal?: AbortSignal): Promise<T> {
  const limit = AbortSignal.timeout(timeoutMs)
  let answer: Response
  try {
    answer = await fetch(`/api/v1/${path}`, {
      headers: { accept: 'application/json' },
      signal: signal ? AbortSignal.any([signal, limit]) : limit,
    })
  } catch (cause) {
    throw new RestError(limit.aborted ? 'timeout' : 'unreachable', path, { cause })
  }
  if (!answer.ok) {
    const problem: unknown = await answer.json().catch(() => null)
    const code = typeof problem === 'object' && problem !== null && 'code' in problem ? String(problem.code) : `http_${answer.status}`
    throw new RestError(code, path)
  }
  return (await answer.json()) as T
}

const q = encodeURIComponent

export const rest = {
  registry: (signal?: AbortSignal) => get<RegistryAnswer>('registry', signal),
  districts: (signal?: AbortSignal) => get<DistrictsAnswer>('districts', signal),
  station: (code: string, signal?: AbortSignal) => get<StationAnswer>(`stations/${q(code)}`, signal),
  series: (names: readonly string[], from: number, to: number, { points, tier, signal }: { points: number; tier?: Tier; signal?: AbortSignal }) =>
    get<SeriesAnswer>(`series?points=${names.map(q).join(',')}&from=${from}&to=${to}&maxPoints=${points}${tier ? `&tier=${tier}` : ''}`, signal),
}
