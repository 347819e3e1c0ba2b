import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readFile } from 'node:fs/promises'
import { strFromU8, strToU8, unzipSync, zipSync } from 'fflate'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import writeExcel from 'write-excel-file/node'
import { addAccount } from '../src/accounts.ts'
import { loadAudit } from '../src/audit.ts'
import { registryChannel } from '../src/channels.ts'
import { createPool, type Pool } from '../src/connection.ts'
import { loadActiveRules } from '../src/load-alarm-engine.ts'
import { exportRegister } from '../src/moving/export-register.ts'
import { loadRegister } from '../src/moving/load-register.ts'
import { readSheets } from '../src/moving/read-sheets.ts'
import { readTelegrafMap, readThingsboardMap } from '../src/moving/mapping.ts'
import { importTelegraf } from '../src/moving/run-telegraf.ts'
import { importThingsboard } from '../src/moving/run-thingsboard.ts'
import { moveDatabase } from '../src/moving/move-database.ts'
import { importRegister, type RegisterImport } from '../src/moving/run-import-register.ts'
import { defaultTiers } from '../src/settle-tiers.ts'
import { parseStationCsv, seedStations } from '../src/seed-stations.ts'
import { freshDatabase, type TestDatabase } from '../testing/index.ts'

const demo = join(dirname(fileURLToPath(import.meta.url)), '..', 'seeds', 'demo-stations.csv')
let database: TestDatabase
let pool: Pool
let folder: string
/** What is moved into, and Telegraf's. */
let other: TestDatabase
let target: Pool
beforeAll(async () => {
  ;[database, other] = await Promise.all([freshDatabase(), freshDatabase()])
  target = createPool({ connectionString: other.url, applicationName: 'test' })
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  folder = await mkdtemp(join(tmpdir(), 'yiping-moving-'))
  await seedStations(pool, parseStationCsv(await readFile(demo, 'utf8')))
  const admin = { username: 'admin', name: 'Admin', roles: ['administrator' as const], districts: null, domains: null, passwordHash: 'x' }
  await addAccount(pool, admin, Date.now())
})
afterAll(async () => {
  await Promise.all([pool?.end(), target?.end()])
  await Promise.all([database?.stop(), other?.stop()])
  await rm(folder, { recursive: true, force: true })
})

const file = async (name: string, content: string | Uint8Array): Promise<string> => {
  await writeFile(join(folder, name), content)
  return join(folder, name)
}
const bring = async (path: string, more: Partial<Parameters<typeof importRegister>[2]> = {}): Promise<RegisterImport> =>
  importRegister(pool, await readSheets(path), { apply: true, skipRefused: false, as: null, ...more })
const pointId = async (station: string, metric: string): Promise<number | undefined> =>
  (await pool.query<{ id: number }>('select p.id from point p join station s on s.id = p.station_id where s.code = $1 and p.metric = $2', [station, metric]))
    .rows[0]?.id

describe('an export', () => {
  it('of the demo city is read back as unchanged, row by row, from CSV and Excel, English and Chinese', async () => {
    const register = await loadRegister(pool)
    expect(register.stations.size).toBeGreaterThanOrEqual(2230)
    const files = [
      ['stations', 'csv', 'zh', register.stations.size],
      ['stations', 'xlsx', 'en', register.stations.size],
      ['points', 'csv', 'en', register.points.size],
      ['thresholds', 'xlsx', 'zh', register.rules.flatMap((r) => r.levels).length],
      ['users', 'csv', 'zh', 1],
    ] as const
    for (const [kind, format, language, rows] of files) {
      const name = `${kind}.${format}`
      const written = await exportRegister(kind, register, join(folder, name), language)
      expect(written).toBe(rows)
      const { counts, plan } = await bring(join(folder, name), { apply: false })
      expect({ name, ...counts, refusals: plan.refusals, notes: plan.notes }).toEqual({
        name,
        new: 0,
        changed: 0,
        unchanged: written,
        refused: 0,
        refusals: [],
        notes: [],
      })
    }
  })
})

describe('an import', () => {
  it('previews and writes nothing, then writes what it said, tells running processes, and the second time changes nothing', async () => {
    const before = await loadRegister(pool)
    const first = before.stations.get('WS-P-0001')
    const id = await pointId(first?.code ?? '', 'ws.flow')
    const path = await file(
      'some.xlsx',
      await writeExcel([
        {
          sheet: '站点',
          data: [
            ['站点编码', '名称', '类型', '经度', '纬度'],
            [first?.code, '新名称', null, null, null],
            [],
            ['WS-P-9001', '金水路', '管网压力点', 113.7, 34.8],
          ],
        },
        {
          sheet: '测点',
          data: [
            ['station', 'metric', 'interval_s'],
            ['WS-P-9001', 'ws.flow', 30],
            [first?.code, 'ws.flow', 20],
          ],
        },
        {
          sheet: '限值',
          data: [
            ['metric', 'severity', 'op', 'value'],
            ['ws.flow', 2, '>', 900],
          ],
        },
        {
          sheet: '用户',
          data: [
            ['用户名', '姓名', '角色'],
            ['wang', '王强', '值班员'],
          ],
        },
      ]).toBuffer(),
    )
    const preview = await bring(path, { apply: false })
    expect(preview.counts).toEqual({ new: 4, changed: 2, unchanged: 0, refused: 0 })
    expect(await loadRegister(pool)).toEqual(before)

    const told: string[] = []
    const listener = await pool.connect()
    listener.on('notification', (n) => told.push(n.channel))
    await listener.query(`listen ${registryChannel}`)
    const done = await bring(path)
    expect(done).toMatchObject({ applied: true, counts: preview.counts })
    await listener.query('select 1')
    expect(told).toContain(registryChannel)
    await listener.query('unlisten *')
    listener.release()

    const after = await loadRegister(pool)
    expect(after.stations.get('WS-P-9001')).toMatchObject({ name: '金水路', kind: 'ws_pressure', lon: 113.7 })
    expect(after.stations.get(first?.code ?? '')).toEqual({ ...first, name: '新名称' })
    expect([...after.points.values()].filter((p) => p.station === 'WS-P-9001')).toEqual([{ station: 'WS-P-9001', metric: 'ws.flow', interval: 30 }])
    expect(await pointId(first?.code ?? '', 'ws.flow')).toBe(id)
    expect((await loadActiveRules(pool)).rules.find((r) => r.code === 'ws.flow.high')).toMatchObject({
      version: 1,
      levels: [{ severity: 2, op: '>', value: 900 }],
    })
    expect(after.users.get('wang')).toMatchObject({ roles: ['operator'], districts: null })
    const audit = await loadAudit(pool, { from: null, to: null, actor: 'db', action: 'register', text: null, before: null, limit: 10 })
    expect(audit.map((a) => [a.via, a.action, a.target]).toSorted()).toEqual(
      [`point:${first?.code}:ws.flow`, 'point:WS-P-9001:ws.flow', `station:${first?.code}`, 'station:WS-P-9001', 'threshold:ws.flow.high#1', 'user:wang']
        .map((target) => ['nobody', 'register.import', target])
        .toSorted(),
    )
    expect(audit.find((a) => a.target === `station:${first?.code}`)).toMatchObject({ before: { name: first?.name }, after: { name: '新名称' } })

    expect((await bring(path)).counts).toEqual({ new: 0, changed: 0, unchanged: 6, refused: 0 })
    expect(await loadAudit(pool, { from: null, to: null, actor: 'db', action: null, text: null, before: null, limit: 10 })).toHaveLength(audit.length)
  })
  it('writes nothing of a file of which something is refused, unless that is left out', async () => {
    const path = await file('half.csv', 'code,name\nWS-P-9001,right\nWS-P-9002,no kind\n')
    expect(await bring(path)).toMatchObject({ applied: false, counts: { changed: 1, refused: 1 } })
    expect((await loadRegister(pool)).stations.get('WS-P-9001')?.name).toBe('金水路')
    expect(await bring(path, { skipRefused: true })).toMatchObject({ applied: true })
    expect((await loadRegister(pool)).stations.get('WS-P-9001')?.name).toBe('right')
  })
  it('takes what formulas came to, and refuses errors, formulas that were not worked out, and dates', async () => {
    const path = await file(
      'odd.xlsx',
      await writeExcel([
        {
          sheet: 'S',
          data: [
            ['code', 'gateway', 'owner'],
            ['WS-P-0001', { value: '=A1&1', type: 'Formula' }, { value: new Date(0), format: 'yyyy-mm-dd' }],
          ],
        },
      ]).toBuffer(),
    )
    // As Excel writes what a formula could not be: no library makes such a cell.
    const parts = unzipSync(await readFile(path))
    const xml = strFromU8(parts['xl/worksheets/sheet1.xml'] ?? new Uint8Array())
    expect(xml).toContain('</row></sheetData>')
    parts['xl/worksheets/sheet1.xml'] = strToU8(
      xml.replace(
        '</row></sheetData>',
        '</row><row r="3"><c r="A3" t="str"><f>B1</f><v>WS-P-0001</v></c><c r="B3" t="e"><f>1/0</f><v>#DIV/0!</v></c></row></sheetData>',
      ),
    )
    await file('odd.xlsx', zipSync(parts))
    const { plan } = await bring(path)
    expect(plan.refusals.map((r) => `${r.place} ${r.reason}`)).toEqual([
      'odd.xlsx[S]:2:B is a formula that has not been worked out: open the file in Excel and save it',
      'odd.xlsx[S]:2:C is a date in Excel: give the column the format Text and write it again',
      'odd.xlsx[S]:3:B is #DIV/0! in Excel',
    ])
  })
  it('says of a broken file that it is broken', async () => {
    await expect(readSheets(await file('broken.xlsx', Buffer.from('PK\u0003\u0004 and no more')))).rejects.toThrow('is no Excel workbook')
    await expect(readSheets(await file('old.xls', Buffer.from([0xd0, 0xcf, 0x11, 0xe0])))).rejects.toThrow('to be saved as .xlsx')
    await expect(readSheets(join(folder, 'none.csv'))).rejects.toThrow('cannot be read')
  })
})

describe('a move', () => {
  const move = () => moveDatabase({ from: database.url, to: other.url, tiers: defaultTiers, say: () => {} })

  it('refuses a database in which there is something', async () => {
    await expect(move()).rejects.toThrow(/is not empty \(.*give it an empty one/)
  })
  it('brings every table and roll-up, goes on where it was broken off, and new rows get the numbers that they would have got', async () => {
    const id = await pointId('WS-P-0001', 'ws.flow')
    const hour = Math.floor(Date.now() / 3_600_000) * 3600
    await pool.query(
      `insert into reading (point_id, observed_at, received_at, value, quality)
       select $1, at, at + interval '1 second', n / 7.0, case when n % 50 = 0 then 2 else 0 end
       from generate_series(0, 399) as n cross join lateral (select to_timestamp($2::float8 - 60 * n) as at) as t`,
      [id, hour - 86_400],
    )
    await pool.query("select compress_chunk(c) from show_chunks('reading') as c limit 1")
    await pool.query("insert into rejection (at, source, topic, reason, readings, payload) values (now(), 'json', 'a', 'ts_invalid', 1, '\\x00ff')")
    await pool.query('insert into counter_correction values ($1, now(), -7.5, true)', [id])
    await pool.query("insert into state_span values ($1, now() - interval '1 hour', 1), ($1, now(), null)", [id])
    await pool.query("update meter_tier set since = now() - interval '2 days', until = now()")
    await target.query('truncate domain, metric, threshold, station_kind, district, alarm_rule cascade')
    const moved = await move()
    expect(moved.tables.filter((t) => !t.same)).toEqual([])
    expect(moved.tables.find((t) => t.name === 'reading')?.from).toMatch(/^400 rows -?\d+$/)
    const rows = (name: string): string => moved.tables.find((t) => t.name === name)?.to.replace(/ -?\d+$/, '') ?? ''
    expect(['counter_correction', 'state_span', 'meter_tier'].map(rows)).toEqual(['1 rows', '2 rows', '1 rows'])
    expect(moved.rollUps.map((r) => [r.name, r.from === r.to])).toEqual(['reading_1m', 'reading_15m', 'reading_1h', 'reading_1d'].map((n) => [n, true]))
    expect(moved.rollUps[0]?.to).toMatch(/^400 buckets 392 readings 8 bad/)
    expect(moved.dirtyHours).toBe(0)
    const next = async (p: Pool): Promise<number | undefined> =>
      (await p.query<{ id: number }>("insert into station (code, name, kind, domain) values ('WS-NEXT', 'n', 'ws_pressure', 'water') returning id")).rows[0]?.id
    // The same again: what is there is found to be the same, and worked out.
    expect((await move()).tables.every((t) => t.same)).toBe(true)
    expect(await next(target)).toBe(await next(pool))
    await target.query("delete from station where code = 'WS-NEXT'")
    await expect(move()).rejects.toThrow('is not empty')
  })
})

describe('what comes from elsewhere', () => {
  const mapping = async (content: unknown): Promise<string> => file('map.json', JSON.stringify(content))
  const printed: string[] = []
  const options = { apply: true, again: false, skipRefused: false, retentionMs: 400 * 86_400_000, print: (line: string) => void printed.push(line) }
  const minute = 60_000
  const start = Math.floor(Date.now() / 3_600_000) * 3_600_000 - 5 * 86_400_000
  const valuesOf = async (station: string, metric: string): Promise<[number, number][]> =>
    (
      await pool.query<{ at: number; value: number }>('select observed_at as at, value from plain_reading where point_id = $1 order by observed_at', [
        await pointId(station, metric),
      ])
    ).rows.map((r) => [(r.at - start) / minute, r.value])

  it('is a ThingsBoard’s devices and telemetry, by a mapping', async () => {
    const map = await readThingsboardMap(
      await mapping({
        from: 'thingsboard',
        stations: { 'Pump house 7': 'TB-7' },
        devices: {
          code: 'name',
          name: 'label',
          kind: { column: 'type', values: { logger: 'ws_pressure' } },
          lon: 'longitude',
          lat: 'latitude',
          owner: { value: 'TB' },
        },
        keys: { pressure_kpa: { metric: 'ws.pressure', factor: 0.001 }, flow: { metric: 'ws.flow' }, battery: null },
      }),
    )
    const devices = await file(
      'devices.csv',
      'name,type,label,latitude,longitude,model\nPump house 7,logger,七号泵房,34.7,113.6,X1\nTB-8,logger,八号,34.8,113.7,X1\n',
    )
    const telemetry = await file(
      'Pump house 7.json',
      JSON.stringify({
        pressure_kpa: [
          { ts: start + minute, value: '352' },
          { ts: start, value: '351.5' },
          { ts: start + 2 * minute, value: 'n/a' },
        ],
        flow: [{ ts: start, value: 418.2 }],
        battery: [{ ts: start, value: '3.6' }],
      }),
    )
    const before = await loadRegister(pool)
    expect(await importThingsboard(pool, [devices, telemetry], map, { ...options, apply: false })).toEqual({ refused: 1 })
    expect(await loadRegister(pool)).toEqual(before)
    expect(printed).toContain('new      station TB-7  name 七号泵房, kind ws_pressure, domain water, lon 113.6, lat 34.7, owner TB  (devices.csv:2)')
    expect(printed).toContain('note     devices.csv:1: devices; the mapping has nothing of model')
    expect(printed.at(-2)).toMatch(/: 4 values: 3 to be stored as far as they are not there, 1 refused$/)
    expect(await importThingsboard(pool, [devices, telemetry], map, options)).toEqual({ refused: 1 })
    expect(await valuesOf('TB-7', 'ws.pressure')).toEqual([
      [0, 0.3515],
      [1, 0.352],
    ])
    expect(await valuesOf('TB-7', 'ws.flow')).toEqual([[0, 418.2]])
    const rejected = await pool.query<{ reason: string; payload: string }>(
      "select reason, convert_from(payload, 'UTF8') as payload from rejection where source = 'import'",
    )
    expect(rejected.rows).toEqual([{ reason: 'value_not_finite', payload: `{"pressure_kpa":{"ts":${start + 2 * minute},"value":"n/a"}}` }])
    expect(await importThingsboard(pool, [devices, telemetry], map, options)).toEqual({ refused: 0 })
    expect(printed.at(-1)).toContain('is in since an earlier run')
    const strange = await file('TB-8.json', JSON.stringify({ flow: [{ ts: start, value: 1 }], rssi: [] }))
    await expect(importThingsboard(pool, [strange], map, options)).rejects.toThrow('the mapping has no key rssi')
    expect(await valuesOf('TB-8', 'ws.flow')).toEqual([])
  })
  it('is a table of Telegraf’s, with tags in columns, in JSON or in a table of their own', async () => {
    const at = (n: number): string => `to_timestamp(${start / 1000} + ${n} * 60.0) at time zone 'UTC'`
    await target.query(`
      create schema telegraf;
      set local search_path = telegraf;
      create table pumps (time timestamp, device text, site text, pressure double precision, flow bigint, rssi bigint);
      insert into pumps select ${at(1440)} + n * interval '1 minute', 'plc-7', case n when 9 then 'b' else 'a' end, 300 + n, case when n % 2 = 0 then n end, -70 from generate_series(0, 9) n;
      insert into pumps values (${at(0)}, 'plc-7', 'a', 1, null, -70), (${at(1)}, 'plc-9', 'a', 1, null, -70);
      create table flows (time timestamptz, tag_id bigint, fields jsonb);
      create table flows_tag (tag_id bigint primary key, tags jsonb);
      insert into flows_tag values (1, '{"device": "WS-P-9001"}');
      insert into flows values (to_timestamp(${start / 1000}), 1, '{"flow": 12.5}')`)
    const map = await readTelegrafMap(
      await mapping({
        from: 'telegraf',
        station: { tag: 'device', values: { 'plc-7': 'TB-8' } },
        where: { site: 'a' },
        fields: { pressure: { metric: 'ws.pressure', factor: 0.001, offset: 0.1 }, flow: { metric: 'ws.flow' }, rssi: null },
      }),
    )
    const telegraf = { ...options, from: other.url, schema: 'telegraf', table: 'pumps', map }
    expect(await importTelegraf(pool, { ...telegraf, apply: false })).toEqual({ refused: 1 })
    expect(await valuesOf('TB-8', 'ws.pressure')).toEqual([])
    expect(await importTelegraf(pool, telegraf)).toEqual({ refused: 1 })
    expect(await valuesOf('TB-8', 'ws.flow')).toEqual([0, 2, 4, 6, 8].map((n) => [1440 + n, n]))
    expect((await valuesOf('TB-8', 'ws.pressure')).slice(0, 3)).toEqual([
      [0, 0.101],
      [1440, 0.4],
      [1441, 0.401],
    ])
    // What is settled is not read again, and what has come since is.
    await target.query(`insert into telegraf.pumps values (${at(6000)}, 'plc-7', 'a', 500, null, -70)`)
    expect(await importTelegraf(pool, telegraf)).toEqual({ refused: 0 })
    expect(printed.at(-1)).toBe('telegraf.pumps: 17 rows = 16 stored + 0 duplicate + 0 conflict + 1 refused')
    expect((await valuesOf('TB-8', 'ws.pressure')).at(-1)).toEqual([6000, 0.6])
    const flows = { ...map, where: {}, fields: { flow: { metric: 'ws.flow' } } }
    await importTelegraf(pool, { ...telegraf, table: 'flows', map: flows })
    expect(await valuesOf('WS-P-9001', 'ws.flow')).toEqual([[0, 12.5]])
    await expect(importTelegraf(pool, { ...telegraf, map: { ...map, fields: { pressure: null, level: { metric: 'ws.tank_level' } } } })).rejects.toThrow(
      'there is no field level; the mapping has no field flow, rssi: name its metric, or null to leave it out',
    )
  })
  it('is refused with every fault of a mapping', async () => {
    await expect(readThingsboardMap(await mapping({ from: 'thingsboard', keys: { a: { metric: 'ws.nothing' } } }))).rejects.toThrow(
      '/keys/a: ws.nothing is no metric',
    )
    await expect(readTelegrafMap(await mapping({ from: 'telegraf', fields: {}, more: 1 }))).rejects.toThrow('must have required properties station')
  })
})
