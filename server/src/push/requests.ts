import { maxSpeed } from '@yiping/contract'

const isObject = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null

export function roomsIn(request: unknown): string[] {
  if (!isObject(request) || !Array.isArray(request.rooms)) return []
  return request.rooms.filter((r): r is string => typeof r === 'string').slice(0, 64)
}

export function sinceIn(request: unknown): Record<string, number> {
  if (!isObject(request) || !isObject(request.since)) return {}
  return Object.fromEntries(Object.entries(request.since).filter((e): e is [string, number] => typeof e[1] === 'number'))
}

export function travelIn(request: unknown): 'live' | { at: number | null; speed: number } | null {
  if (!isObject(request)) return null
  if (request.live === true) return 'live'
  const { at = null, speed } = request
  if (typeof speed !== 'number' || !(speed >= 0 && speed <= maxSpeed)) return null
  if (at !== null && !(typeof at === 'number' && Number.isFinite(at) && at > 0)) return null
  return { at, speed }
}
