import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { readFile } from 'node:fs/promises'
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
import { moveDatabase } from '../src/moving/move-database.ts'
import { importRegister, type RegisterImport } from '../src/moving/run-import-register.ts'
import { defaultTiers } from '../src/settle-tiers.ts'
import { parseStationCsv, seedStations } from '../src/seed-stations.ts'
import { freshDatabase, type TestDatabase } from '../testing/index.ts'

const demo = join(dirname(fileURLToPath(import.meta.url)), '..', 'seeds', 'demo-stations.csv')
let database: TestDatabase
let pool: Pool
let folder: string
beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  folder = await mkdtemp(join(tmpdir(), 'yiping-moving-'))
  await seedStations(pool, parseStationCsv(await readFile(demo, 'utf8')))
  const admin = { username: 'admin', name: 'Admin', roles: ['administrator' as const], districts: null, domains: null, passwordHash: 'x' }
  await addAccount(pool, admin, Date.now())
})
afterAll(async () => {
  await pool?.end()
  await database?.stop()
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
    for (const [kind, rows] of [
      ['stations', register.stations.size],
      ['points', register.points.size],
      ['thresholds', 0],
      ['users', 1],
    ] as const)
      for (const [name, language] of [
        [`${kind}.csv`, 'zh'],
        [`${kind}.xlsx`, 'en'],
      ] as const) {
        const written = await exportRegister(kind, register, join(folder, name), language)
        if (rows > 0) expect(written).toBe(rows)
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
            ['WS-P-9001', { value: '=A1&1', type: 'Formula' }, { value: new Date(0), format: 'yyyy-mm-dd' }],
          ],
        },
      ]).toBuffer(),
    )
    const { plan } = await bring(path)
    expect(plan.refusals.map((r) => `${r.place} ${r.reason}`)).toEqual([
      'odd.xlsx[S]:2:B is a formula that has not been worked out: open the file in Excel and save it',
      'odd.xlsx[S]:2:C is a date in Excel: give the column the format Text and write it again',
    ])
  })
  it('says of a broken file that it is broken', async () => {
    await expect(readSheets(await file('broken.xlsx', Buffer.from('PK\u0003\u0004 and no more')))).rejects.toThrow('is no Excel workbook')
    await expect(readSheets(await file('old.xls', Buffer.from([0xd0, 0xcf, 0x11, 0xe0])))).rejects.toThrow('to be saved as .xlsx')
    await expect(readSheets(join(folder, 'none.csv'))).rejects.toThrow('cannot be read')
  })
})

describe('a move', () => {
  let other: TestDatabase
  let target: Pool
  beforeAll(async () => {
    other = await freshDatabase()
    target = createPool({ connectionString: other.url, applicationName: 'test' })
  })
  afterAll(async () => {
    await target?.end()
    await other?.stop()
  })
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
    await target.query('truncate domain, metric, threshold, station_kind, district, alarm_rule cascade')
    const moved = await move()
    expect(moved.tables.filter((t) => !t.same)).toEqual([])
    expect(moved.tables.find((t) => t.name === 'reading')?.from).toMatch(/^400 rows -?\d+$/)
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
