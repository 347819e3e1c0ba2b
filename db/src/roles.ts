import { createHmac, createHash, pbkdf2Sync, randomBytes } from 'node:crypto'
import pg from 'pg'

/** Roles of the processes that run all the time; whoever migrates owns everything. */
export const processRoles = ['yiping_server', 'yiping_ingest'] as const
export type ProcessRole = (typeof processRoles)[number]

type Rights = Readonly<Partial<Record<ProcessRole, string>>>
const of = (server: string, ingest = ''): Rights => ({ ...(server && { yiping_server: server }), ...(ingest && { yiping_ingest: ingest }) })

/**
 * Every table and roll-up, and what each role may do with it: nothing beyond this. One that a migration adds has to be named here,
 * or a test fails. To add to a table with an identity needs no right to its sequence; a lock of rows asks for `update`.
 */
export const tableRights: Readonly<Record<string, Rights>> = {
  account: of('select, insert, update'),
  alarm: of('select, insert, update', 'select, insert, update'),
  alarm_condition: of('select, insert, update, delete', 'select, insert, update, delete'),
  alarm_event: of('select, insert, update (noticed)', 'select, insert'),
  alarm_normal: of('select', 'select, insert, update'),
  alarm_out_of_service: of('select, insert, update, delete', 'select'),
  alarm_rule: of('select, insert, update', 'select'),
  alarm_shelf: of('select, insert, update, delete', 'select'),
  api_token: of('select, insert, update, delete'),
  audit: of('select, insert'),
  correction: of('select', 'select, insert, update'),
  counter_correction: of('select', 'select, insert, update, delete'),
  dirty_range: of('select', 'select, insert, update, delete'),
  district: of('select'),
  district_1h: of('select'),
  district_day: of('select'),
  district_tier: of('select'),
  domain: of('select'),
  duty_shift: of('select, insert, update, delete'),
  ingest_balance: of('select', 'select, insert, update'),
  ingest_lease: of('select', 'select, insert, update, delete'),
  ingest_state: of('', 'select, insert, update'),
  latest: of('select', 'select, insert, update'),
  meter_tier: of('select', 'select, update'),
  metric: of('select', 'select'),
  notice: of('select, insert, update'),
  notice_item: of('select, insert, update'),
  notice_route: of('select, insert, update, delete'),
  pipe: of('select', 'select'),
  plain_reading: of('select', 'select'),
  point: of('select, insert', 'select'),
  quality_mark: of('select', 'select, insert'),
  reading: of('select', 'select, insert'),
  reading_15m: of('select', 'select'),
  reading_1d: of('select', 'select'),
  reading_1h: of('select', 'select'),
  reading_1m: of('select', 'select'),
  reading_conflict: of('select', 'insert'),
  reading_form: of('select', 'select'),
  refresh_request: of('', 'select, insert, delete'),
  rejection: of('select', 'insert'),
  schema_migration: of(''),
  screen: of('select, insert, update, delete'),
  screen_pairing: of('select, insert, update, delete'),
  session: of('select, insert, update, delete'),
  sign_in_link: of('select, insert, delete'),
  spool_progress: of('', 'select, insert, update, delete'),
  station: of('select, insert', 'select'),
  station_kind: of('select'),
  state_span: of('select', 'select, insert, update, delete'),
  station_link: of('select', 'select, insert, update'),
  threshold: of('select'),
  tier: of('select', 'select'),
  waiting_point: of('select', 'select, insert, update, delete'),
  waiting_reading: of('select', 'select, insert, update, delete'),
}

/** Every function of ours, and who besides the owner may call it. Triggers and jobs need nobody's leave. */
export const routineRights: Readonly<Record<string, readonly ProcessRole[]>> = {
  'begin_districts_anew()': [],
  'let_minutes_read_packed()': [],
  'merge_hours(integer,jsonb)': [],
  'midnight_from(timestamp with time zone)': ['yiping_server'],
  'pack_district_days(timestamp with time zone,timestamp with time zone)': [],
  'packed_hour(timestamp with time zone,double precision,double precision,double precision,integer)': ['yiping_server'],
  'refresh_asked(integer,jsonb)': [],
  'refuse_audit_change()': [],
  'refuse_feeder_circle()': [],
  'retire(integer,jsonb)': [],
  'retire_records(integer,jsonb)': [],
  'roll_up_districts(integer,jsonb)': [],
  'say_watermark_once(text)': [],
  'wake_refreshes()': ['yiping_ingest'],
  'work_out_districts(timestamp with time zone,timestamp with time zone)': [],
}

/** Ours in the catalogue, and not what an extension brings. */
const ours = (kind: 'pg_class' | 'pg_proc', row: string): string =>
  `not exists (select from pg_depend d where d.objid = ${row}.oid and d.classid = '${kind}'::regclass and d.deptype = 'e')`
const presentRelations = `
  select c.relname::text as name, coalesce((
    select jsonb_object_agg(role, rights) from (
      select r.rolname as role, string_agg(lower(x.privilege_type) || coalesce(' (' || x.attname || ')', ''), ', ' order by x.privilege_type, x.attname) as rights
      from (
        select a.grantee, a.privilege_type, null::name as attname from aclexplode(c.relacl) a
        union all
        select a.grantee, a.privilege_type, t.attname from pg_attribute t, aclexplode(t.attacl) a where t.attrelid = c.oid
      ) x join pg_roles r on r.oid = x.grantee where r.rolname = any($1::text[]) group by 1
    ) g), '{}') as rights
  from pg_class c where c.relnamespace = 'public'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f') and ${ours('pg_class', 'c')}
  order by 1`
const presentRoutines = `
  select replace(p.oid::regprocedure::text, 'public.', '') as name, p.prokind = 'p' as procedure, p.proacl is null or exists (select from aclexplode(p.proacl) a where a.grantee = 0) as open,
    array(select r.rolname::text from aclexplode(p.proacl) a join pg_roles r on r.oid = a.grantee where r.rolname = any($1::text[]) order by 1) as callers
  from pg_proc p where p.pronamespace = 'public'::regnamespace and ${ours('pg_proc', 'p')} order by 1`

interface PresentRelation {
  name: string
  rights: Partial<Record<string, string>>
}
interface PresentRoutine {
  name: string
  procedure: boolean
  open: boolean
  callers: string[]
}

/** Tables, roll-ups and functions of the database of which nothing is said here, and the other way round. */
export async function undeclared(db: pg.ClientBase | pg.Pool): Promise<{ unknown: string[]; gone: string[] }> {
  const present = [
    ...(await db.query<PresentRelation>(presentRelations, [processRoles])).rows,
    ...(await db.query<PresentRoutine>(presentRoutines, [processRoles])).rows,
  ].map((p) => p.name)
  const declared = [...Object.keys(tableRights), ...Object.keys(routineRights)]
  return { unknown: present.filter((name) => !declared.includes(name)), gone: declared.filter((name) => !present.includes(name)) }
}

const sorted = (rights: string): string => rights.split(', ').sort().join(', ')

/** Brings the rights of both roles to what stands above; done again it changes nothing. Answers how many tables and functions had others. */
export async function settleRights(client: pg.Client): Promise<number> {
  const { rows: relations } = await client.query<PresentRelation>(presentRelations, [processRoles])
  const { rows: routines } = await client.query<PresentRoutine>(presentRoutines, [processRoles])
  const changes: string[] = []
  for (const { name, rights } of relations)
    for (const role of processRoles) {
      const wanted = tableRights[name]?.[role] ?? ''
      if (sorted(wanted) === (rights[role] ?? '')) continue
      const table = `public.${pg.escapeIdentifier(name)}`
      changes.push(`revoke all on ${table} from ${role}`)
      if (wanted !== '') changes.push(`grant ${wanted} on ${table} to ${role}`)
    }
  for (const { name, procedure, open, callers } of routines) {
    const wanted = routineRights[name] ?? []
    if (!open && callers.join() === [...wanted].sort().join()) continue
    const routine = `${procedure ? 'procedure' : 'function'} public.${name}`
    changes.push(`revoke all on ${routine} from public, ${processRoles.join(', ')}`)
    if (wanted.length > 0) changes.push(`grant execute on ${routine} to ${wanted.join(', ')}`)
  }
  const { rows } = await client.query<{ creates: boolean; sees: boolean; connects: boolean; database: string }>(
    `select bool_or(has_schema_privilege(r, 'public', 'create')) as creates, bool_and(has_schema_privilege(r, 'public', 'usage')) as sees,
       bool_and(has_database_privilege(r, current_database(), 'connect')) as connects, quote_ident(current_database()) as database
     from unnest($1::text[]) r`,
    [processRoles],
  )
  // Before PostgreSQL 15 everybody could make tables there, and a database that was upgraded still lets them.
  if (rows[0]?.creates) changes.push('revoke create on schema public from public')
  if (!rows[0]?.sees) changes.push(`grant usage on schema public to ${processRoles.join(', ')}`)
  if (!rows[0]?.connects) changes.push(`grant connect on database ${rows[0]?.database} to ${processRoles.join(', ')}`)
  if (changes.length > 0) await client.query(['begin', ...changes, 'commit'].join(';\n'))
  return changes.length
}

/** Whether the roles have rights in this database: then migrations bring them up to date. */
export async function hasRights(client: pg.Client): Promise<boolean> {
  const { rows } = await client.query<{ has: boolean }>(
    `select exists (select from pg_class c, aclexplode(c.relacl) a join pg_roles r on r.oid = a.grantee
       where c.relnamespace = 'public'::regnamespace and r.rolname = any($1::text[])) and (select count(*) from pg_roles where rolname = any($1::text[])) = $2 as has`,
    [processRoles, processRoles.length],
  )
  return rows[0]?.has === true
}

export type RolePasswords = Readonly<Partial<Record<ProcessRole, string>>>

/** Makes the roles where they are not, lets those with a password sign in, and settles their rights. */
export async function makeRoles(connectionString: string, passwords: RolePasswords, log: (line: string) => void = () => {}): Promise<void> {
  const client = new pg.Client({ connectionString })
  await client.connect()
  try {
    const { rows } = await client.query<{ name: string }>('select rolname as name from pg_roles where rolname = any($1::text[])', [processRoles])
    for (const role of processRoles) {
      if (!rows.some((r) => r.name === role)) {
        await client.query(`do $$ begin create role ${role} nologin; exception when duplicate_object or unique_violation then null; end $$`)
        log(`role ${role} is made`)
      }
      const password = passwords[role]
      // The password itself would stand in the server's log.
      if (password !== undefined) await client.query(`alter role ${role} login password ${pg.escapeLiteral(scramVerifier(password))}`)
    }
    const changed = await settleRights(client)
    log(changed === 0 ? 'the roles have their rights' : `rights of the roles settled: ${changed} changes`)
  } finally {
    await client.end()
  }
}

const iterations = 4096

/** What PostgreSQL keeps of a password (RFC 5803), for passwords of ASCII. */
export function scramVerifier(password: string, salt: Buffer = randomBytes(16)): string {
  const salted = pbkdf2Sync(password, salt, iterations, 32, 'sha256')
  const key = (name: string): Buffer => createHmac('sha256', salted).update(name).digest()
  const stored = createHash('sha256').update(key('Client Key')).digest()
  return `SCRAM-SHA-256$${iterations}:${salt.toString('base64')}$${stored.toString('base64')}:${key('Server Key').toString('base64')}`
}
