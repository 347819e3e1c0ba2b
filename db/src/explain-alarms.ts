import { feedersUp, lifeSafety } from '@yiping/contract'

/**
 * The parts of a statement that find for alarms (`asking`: id, rule, station, metric, worst, at_ms, fresh, held) the one that
 * explains each: of a rule that names theirs, active at their own station or up its feeders, and never less bad than they are.
 *
 * - `cue` the rules that explain a rule of these, `up` the stations above theirs, `above` one parent of each rule and station,
 *   `seen` those from where each station stands, `pair` who could explain whom. Each is joined by equal keys, one after the other:
 *   nobody knows beforehand how many there are, and a storm has hundreds.
 * - `parent` (id, rule, station, worst, at_ms, root, fresh) is the caller's; it names `cue`. `root`: what explains the parent,
 *   if it is explained itself.
 * - `held`: explained already, whenever the parent began. `fresh`: not in the table before this statement.
 * - What is a matter of life is explained by nothing, whatever a rule says.
 * - `explanation` (id, root, depth): the parent furthest up. Two that are new at once never hide each other: a new one is
 *   believed only if nothing explains itself.
 */
export const cuePart = (name: string, asking: string): string => `${name} as materialized (
  select r.code as rule, e.rule as explains, coalesce((r.definition #>> '{explains,beforeS}')::float8, 0) as before_s
  from alarm_rule r
  cross join lateral jsonb_array_elements_text(
    case when jsonb_typeof(r.definition #> '{explains,rules}') = 'array' then r.definition #> '{explains,rules}' end) as e(rule)
  where exists (select from ${asking}) and r.active and e.rule in (select rule from ${asking})
)`

export const explanationParts = (prefix: string): string => `${prefix}up as materialized (
  with recursive way as (
    select distinct k.station, k.station as code, 0 as depth
    from ${prefix}asking k join ${prefix}cue c on c.explains = k.rule where c.rule in (select rule from ${prefix}parent)
    union all
    select w.station, s.feeder, w.depth + 1 from way w join station s on s.code = w.code where s.feeder is not null and w.depth < ${feedersUp}
  )
  select station, code, depth from way
), ${prefix}above as materialized (
  select distinct on (rule, station) * from ${prefix}parent order by rule, station, fresh, worst, at_ms, id
), ${prefix}seen as materialized (
  select u.station, u.depth, c.explains, c.before_s, p.rule, p.id, p.root, p.worst, p.at_ms, p.fresh
  from ${prefix}up u join ${prefix}above p on p.station = u.code join ${prefix}cue c on c.rule = p.rule
), ${prefix}pair as materialized (
  select k.id, k.fresh, p.id as parent, p.root, p.fresh as parent_fresh, p.depth, p.at_ms
  from ${prefix}asking k join ${prefix}seen p on p.station = k.station and p.explains = k.rule
  where (p.depth > 0 or p.rule <> k.rule) and p.root <> k.id and p.worst <= k.worst and (k.held or k.at_ms >= p.at_ms - 1000 * p.before_s)
    and k.metric not in (${lifeSafety.map((m) => `'${m}'`).join(', ')})
), ${prefix}explanation as materialized (
  select distinct on (id) id, root, parent_fresh from ${prefix}pair
  where not parent_fresh or (fresh and parent not in (select id from ${prefix}pair))
  order by id, depth desc, at_ms, parent
)`
