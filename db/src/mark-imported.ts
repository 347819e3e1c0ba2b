import type { Pool } from './connection.ts'
import { type ImportState, saveImportState } from './import-state.ts'

/** All sixty minutes of an hour. */
const wholeHour = (1n << 60n) - 1n

/**
 * A file is in: its hours go onto the list of roll-ups to be worked out again, and it is done, both or neither. No point's own
 * mark of correction comes of it (point 0 is none): what was loaded is no late reading of a device. The hour that goes on is
 * the policy's: worked out to its end, it would hide what is still to come.
 */
export async function markImported(pool: Pool, key: string, state: ImportState): Promise<ImportState> {
  const client = await pool.connect()
  let broken = true
  try {
    await client.query('begin')
    await client.query(
      `insert into dirty_range as d (point_id, hour, minutes, rows, corrects)
       select 0, to_timestamp(h * 3600), $3::bigint, 1, 0
       from unnest($1::int[], $2::int[]) as run(first, past) cross join lateral generate_series(first, past - 1) as h
       where to_timestamp((h + 1) * 3600) <= now() order by h
       on conflict (point_id, hour) do update set minutes = excluded.minutes, rows = d.rows + 1`,
      [state.hours.map(([from]) => from), state.hours.map(([, to]) => to), String(wholeHour)],
    )
    const done = { ...state, done: true }
    await saveImportState(client, key, done)
    await client.query('commit')
    broken = false
    return done
  } finally {
    client.release(broken)
  }
}
