import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { migrationsFolder } from '../../src/migrate.ts'
import { harmful } from './harmful.ts'
import { numberOf, recordedSchema } from './recorded.ts'

describe('a migration that processes of the version before would not survive', () => {
  it.each([
    'alter table station drop column gateway',
    'drop table screen_pairing',
    'alter table station rename column name to title',
    'alter table alarm alter column severity type int',
    'alter table alarm alter column cause set not null',
    'alter table station add column floor int not null',
    'alter table station add constraint floors check (floor > 0)',
    'alter table reading add unique (point_id)',
    'lock table reading in exclusive mode',
    'truncate latest',
  ])('is found: %s', (sql) => {
    expect(harmful(`create table other (id int not null);\n${sql};`)).toHaveLength(1)
  })

  it.each([
    'alter table station add column floor int',
    "alter table station add column floor text not null default 'ground'",
    'alter table station add column id2 bigint not null generated always as identity',
    'alter table station add constraint floors check (floor > 0) not valid',
    'create table floor (id int primary key, name text not null, check (id > 0))',
    'create index on alarm (rule)',
    'create function f() returns void language plpgsql as $$ begin drop table x; end $$',
    "comment on table station is 'never rename; drop table'",
    '-- side by side: nothing has read it since version 0.0.9\ndrop table old_thing',
    'insert into metric (code) values (1)',
  ])('is no such one: %s', (sql) => {
    expect(harmful(`select 1;\n${sql};`)).toEqual([])
  })
})

it('every migration since the version before leaves its processes what they use', async () => {
  const names = (await readdir(migrationsFolder)).filter((name) => name.endsWith('.sql') && numberOf(name) > recordedSchema)
  for (const name of names) expect(harmful(await readFile(join(migrationsFolder, name), 'utf8')), name).toEqual([])
})
