import type { StationLink } from '@yiping/contract'
import type { Queryable } from './connection.ts'

/** What stations' own protocols say of their links, by station code. */
export async function loadLinks(db: Queryable): Promise<Map<string, StationLink>> {
  const { rows } = await db.query<StationLink & { station: string }>('select station, online, since from station_link')
  return new Map(rows.map(({ station, online, since }) => [station, { online, since }]))
}
