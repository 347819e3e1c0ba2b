import { alarmColumns, alarmTables, type AlarmRow } from './alarm-select.ts'
import type { Queryable } from './connection.ts'

/**
 * Alarms of any utility at stations within `metres` of the alarm's own, activated within `windowMs` of it, nearest
 * first. On a great circle of the mean Earth; none for an alarm without a station, or one without a position.
 */
export async function loadNearbyAlarms(
  db: Queryable,
  id: string,
  { metres, windowMs, limit }: { metres: number; windowMs: number; limit: number },
): Promise<(AlarmRow & { metres: number })[]> {
  const { rows } = await db.query<AlarmRow & { metres: number }>(
    `select * from (
       select ${alarmColumns},
         2 * 6371008.8 * asin(least(1, sqrt(power(sin(radians(st.lat - here.lat) / 2), 2)
           + cos(radians(here.lat)) * cos(radians(st.lat)) * power(sin(radians(st.lon - here.lon) / 2), 2)))) as metres
       from (select x.id, x.active_at, s.lon, s.lat from alarm x join station s on s.code = x.station where x.id = $1) here
       cross join ${alarmTables}
       where a.id <> here.id and a.active_at between here.active_at - make_interval(secs => $3::float8 / 1000) and here.active_at + make_interval(secs => $3::float8 / 1000)
     ) found where metres <= $2 order by metres, "activeAt", id limit $4`,
    [id, metres, windowMs, limit],
  )
  return rows
}
