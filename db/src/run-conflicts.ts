import type { Writable } from 'node:stream'
import { createPool } from './connection.ts'
import { type ConflictRow, loadConflicts } from './load-conflicts.ts'

const pageRows = 1000
const iso = (at: number): string => new Date(at).toISOString()
const line = (r: ConflictRow): string =>
  `${[r.station, r.metric, iso(r.observedAt), r.keptValue ?? '', r.value, r.quality, r.source, iso(r.receivedAt)].join(',')}\n`

/** `conflicts`: every second value for a reading that had one, newest first, as CSV; of one station or of all. */
export async function runConflicts(url: string, station: string | undefined, out: Writable): Promise<void> {
  const pool = createPool({ connectionString: url, applicationName: 'yiping-db', max: 1 })
  try {
    out.write('station,metric,observed_at,kept_value,value,quality,source,received_at\n')
    for (let before: number | undefined; ; ) {
      const rows = await loadConflicts(pool, { limit: pageRows, ...(station !== undefined && { station }), ...(before !== undefined && { before }) })
      if (rows.length > 0) out.write(rows.map(line).join(''))
      before = rows.at(-1)?.id
      if (before === undefined || rows.length < pageRows) return
    }
  } finally {
    await pool.end()
  }
}
