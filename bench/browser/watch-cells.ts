import type { KpiCell, TrendCell } from '@yiping/contract'
import type { Page } from 'playwright-core'

/** Newest value of every cell that the page was sent, whatever the room. */
export type FrameCells = ReadonlyMap<string, unknown>

/** Listens to the page's own socket: what the page knows, without asking the server beside it. Call before `goto`. */
export function watchCells(page: Page): FrameCells {
  const cells = new Map<string, unknown>()
  page.on('websocket', (socket) =>
    socket.on('framereceived', ({ payload }) => {
      for (const [key, value] of cellsIn(payload.toString())) cells.set(key, value)
    }),
  )
  return cells
}

/** Socket.IO: `42`, an acknowledgement's number, then `[event, frame]`. */
export function cellsIn(packet: string): [string, unknown][] {
  const found = /^42\d*(\["(?:snapshot|delta)",.*)$/s.exec(packet)
  if (!found?.[1]) return []
  const message: unknown = JSON.parse(found[1])
  const frame: unknown = Array.isArray(message) ? message[1] : null
  if (!isRecord(frame) || !isRecord(frame.data)) return []
  const { cells, set } = frame.data
  return Object.entries(isRecord(cells) ? cells : isRecord(set) ? set : {})
}

const isRecord = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value)

/** Newest `asOf` among the KPIs with a value; 0 without any. */
export function newestKpi(cells: FrameCells): number {
  let newest = 0
  for (const [key, value] of cells) {
    if (!key.startsWith('kpi:')) continue
    const cell = value as KpiCell
    if (cell.value !== null && cell.asOf !== null) newest = Math.max(newest, cell.asOf)
  }
  return newest
}

/** Five-minute buckets of today and yesterday. */
export function bucketsOf(cells: FrameCells, key: `trend:${string}`): number {
  const trend = cells.get(key) as TrendCell | undefined
  return trend === undefined ? 0 : trend.today.t.length + trend.yesterday.t.length
}
