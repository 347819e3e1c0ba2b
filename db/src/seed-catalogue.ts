import { catalogue, domains, stationKinds } from '@yiping/contract'
import type { Queryable } from './connection.ts'
import { seedAlarmRules } from './seed-alarm-rules.ts'

/** Writes domains, metrics, thresholds, station kinds and alarm rules as the contract has them. Safe to repeat. */
export async function seedCatalogue(db: Queryable): Promise<void> {
  await db.query(
    `insert into domain (code, name_zh, name_en, position)
     select code, name_zh, name_en, position from jsonb_to_recordset($1::jsonb) as d(code text, name_zh text, name_en text, position smallint)
     on conflict (code) do update set name_zh = excluded.name_zh, name_en = excluded.name_en, position = excluded.position`,
    [JSON.stringify(domains.map((d, position) => ({ code: d.code, name_zh: d.name.zh, name_en: d.name.en, position })))],
  )
  // A metric that is derived from another one follows it, since the table refers to itself.
  const ordered = [...catalogue].sort((a, b) => Number(a.derivedFrom !== undefined) - Number(b.derivedFrom !== undefined))
  await db.query(
    `insert into metric (code, domain, name_zh, name_en, unit, kind, roll_up, decimals, physical_min, physical_max,
                         typical_min, typical_max, interval_s, alarm_interval_s, derived_from, states, source, evidence, source_verified)
     select * from jsonb_to_recordset($1::jsonb) as m(code text, domain text, name_zh text, name_en text, unit text, kind text,
       roll_up text, decimals smallint, physical_min float8, physical_max float8, typical_min float8, typical_max float8,
       interval_s real, alarm_interval_s real, derived_from text, states jsonb, source text, evidence text, source_verified boolean)
     on conflict (code) do update set
       domain = excluded.domain, name_zh = excluded.name_zh, name_en = excluded.name_en, unit = excluded.unit, kind = excluded.kind,
       roll_up = excluded.roll_up, decimals = excluded.decimals, physical_min = excluded.physical_min, physical_max = excluded.physical_max,
       typical_min = excluded.typical_min, typical_max = excluded.typical_max, interval_s = excluded.interval_s,
       alarm_interval_s = excluded.alarm_interval_s, derived_from = excluded.derived_from, states = excluded.states,
       source = excluded.source, evidence = excluded.evidence, source_verified = excluded.source_verified`,
    [
      JSON.stringify(
        ordered.map((m) => ({
          code: m.code,
          domain: m.domain,
          name_zh: m.name.zh,
          name_en: m.name.en,
          unit: m.unit,
          kind: m.kind,
          roll_up: m.rollUp,
          decimals: m.decimals,
          physical_min: m.physical.min,
          physical_max: m.physical.max,
          typical_min: m.typical?.min ?? null,
          typical_max: m.typical?.max ?? null,
          interval_s: m.intervalS,
          alarm_interval_s: m.alarmIntervalS,
          derived_from: m.derivedFrom ?? null,
          states: m.states ?? null,
          source: m.source,
          evidence: m.evidence,
          source_verified: m.sourceVerified,
        })),
      ),
    ],
  )
  const thresholds = catalogue.flatMap((m) =>
    m.thresholds.map((t, position) => ({
      metric: m.code,
      position,
      severity: t.severity,
      basis: t.basis,
      op: t.op,
      value: t.value,
      unit: t.unit,
      condition_zh: t.condition?.zh ?? null,
      condition_en: t.condition?.en ?? null,
      hold_samples: t.holdSamples,
      deadband: t.deadband,
      source: t.source,
      evidence: t.evidence,
      source_verified: t.sourceVerified,
    })),
  )
  await db.query(
    `with removed as (delete from threshold where scope = 'city' and (metric, position) not in (
       select metric, position from jsonb_to_recordset($1::jsonb) as t(metric text, position smallint)))
     insert into threshold (metric, position, severity, basis, op, value, unit, condition_zh, condition_en, hold_samples, deadband,
                            source, evidence, source_verified)
     select * from jsonb_to_recordset($1::jsonb) as t(metric text, position smallint, severity smallint, basis text, op text,
       value float8, unit text, condition_zh text, condition_en text, hold_samples smallint, deadband real, source text,
       evidence text, source_verified boolean)
     on conflict (metric, scope, position) do update set
       severity = excluded.severity, basis = excluded.basis, op = excluded.op, value = excluded.value, unit = excluded.unit,
       condition_zh = excluded.condition_zh, condition_en = excluded.condition_en, hold_samples = excluded.hold_samples,
       deadband = excluded.deadband, source = excluded.source, evidence = excluded.evidence, source_verified = excluded.source_verified`,
    [JSON.stringify(thresholds)],
  )
  const kinds = [
    ...stationKinds.map((k) => ({ code: k.code, domain: k.domain, name_zh: k.name.zh, name_en: k.name.en })),
    { code: 'replay', domain: null, name_zh: '回放', name_en: 'Replay' },
  ]
  await db.query(
    `insert into station_kind (code, domain, name_zh, name_en)
     select * from jsonb_to_recordset($1::jsonb) as k(code text, domain text, name_zh text, name_en text)
     on conflict (code) do update set domain = excluded.domain, name_zh = excluded.name_zh, name_en = excluded.name_en`,
    [JSON.stringify(kinds)],
  )
  await seedAlarmRules(db)
}
