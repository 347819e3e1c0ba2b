import { type AlarmRule, calm, compileRule, metricByCode, reduceAlarm, severityOf } from '@yiping/contract'
import type { Pool } from '@yiping/db'
import { expect } from 'vitest'

/**
 * Folds what the table holds, in order of observation, through the rules of a metric: an account of the alarms that knows nothing
 * of batches, restarts and kills. No occurrence may have a transition twice or without the one before it, there are never two
 * active ones, and those which are active are so by the account. Answers how many occurrences there are, and by the account.
 */
export async function expectAlarmsOf(pool: Pool, stations: readonly string[], metricCode: string): Promise<{ found: number; expected: number }> {
  const metric = metricByCode.get(metricCode)
  if (metric === undefined) throw new Error(metricCode)
  const { rows } = await pool.query<{ station: string; interval_s: number; at: number; value: number }>(
    `select s.code as station, coalesce(p.interval_s, m.interval_s)::float8 as interval_s, r.observed_at as at, r.value
     from plain_reading r join point p on p.id = r.point_id join station s on s.id = p.station_id join metric m on m.code = p.metric
     where s.code = any($1) and p.metric = $2 and r.quality < 2 order by s.code, r.observed_at`,
    [stations, metricCode],
  )
  let expected = 0
  const active = new Set<string>()
  const rules = await pool.query<{ definition: AlarmRule }>(`select definition from alarm_rule where active and definition ->> 'kind' = 'limit'`)
  for (const rule of rules.rows.map((r) => r.definition).filter((r) => r.metric === metricCode)) {
    const compiled = compileRule(rule, metric, rows[0]?.interval_s ?? 1, () => null)
    if (compiled === null) throw new Error(rule.code)
    let station = ''
    let state = calm
    for (const row of rows) {
      if (row.station !== station) state = calm
      station = row.station
      const severity = severityOf(compiled.levels, row.value, state.severity)
      const step = reduceAlarm(state, { kind: 'level', at: row.at, severity, late: false }, compiled.how)
      for (const { what } of step.events) {
        if (what === 'activated') {
          expected += 1
          active.add(`${rule.code} ${station}`)
        }
        if (what === 'returned') active.delete(`${rule.code} ${station}`)
      }
      state = step.state
    }
  }
  const { rows: log } = await pool.query<{ alarm: string; kinds: string[] }>(
    `select e.alarm, array_agg(e.kind order by e.at, e.id) as kinds
     from alarm_event e join alarm a on a.id = e.alarm
     where a.station = any($1) and a.kind = 'limit' and e.kind in ('activated', 'escalated', 'lowered', 'returned') group by e.alarm`,
    [stations],
  )
  const wrong = log.filter(({ kinds }) => !/^activated( escalated| lowered)*( returned)?$/.test(kinds.join(' ')))
  expect(wrong).toEqual([])
  const { rows: open } = await pool.query<{ key: string }>(
    `select rule || ' ' || station as key from alarm where station = any($1) and kind = 'limit' and returned_at is null and not superseded`,
    [stations],
  )
  expect(open.map((o) => o.key).sort()).toEqual([...active].sort())
  return { found: log.length, expected }
}
