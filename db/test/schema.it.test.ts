import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { createPool, type Pool } from '../src/connection.ts'
import { describeSchema } from '../src/describe-schema.ts'
import { migrate, migrationStatus } from '../src/migrate.ts'
import { seedCatalogue } from '../src/seed-catalogue.ts'
import { parsePipeCsv, seedPipes } from '../src/seed-pipes.ts'
import { parseStationCsv, RegistryFileError, seedStations } from '../src/seed-stations.ts'
import { freshDatabase, type TestDatabase } from '../testing/index.ts'

const here = dirname(fileURLToPath(import.meta.url))
const committed = join(here, '..', 'schema.sql')
let database: TestDatabase
let pool: Pool
beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
})
afterAll(async () => {
  await pool?.end()
  await database?.stop()
})

describe('the migrations', () => {
  it('leave the schema that is committed', async () => {
    const schema = await describeSchema(pool)
    if (process.env.UPDATE_SCHEMA === '1') await writeFile(committed, schema)
    expect(schema).toBe(await readFile(committed, 'utf8'))
  })

  it('run once: again there is nothing to do', async () => {
    expect(await migrate(database.url)).toEqual([])
    expect((await migrationStatus(database.url)).pending).toEqual([])
  })
})

describe('the seeds', () => {
  it('write the catalogue whole, and the same again when repeated', async () => {
    const count = async (): Promise<unknown> =>
      (
        await pool.query(
          'select (select count(*) from metric) as metrics, (select count(*) from threshold) as thresholds, (select count(*) from domain) as domains',
        )
      ).rows[0]
    const before = await count()
    await seedCatalogue(pool)
    expect(await count()).toEqual(before)
    expect(before).toMatchObject({ domains: 4 })
  })

  it('know the twelve districts of Zhengzhou, in WGS 84', async () => {
    const { rows } = await pool.query<{ name: string; lon: number; lat: number }>(
      "select name, center_lon as lon, center_lat as lat from district where level = 'district' order by adcode",
    )
    expect(rows.map((r) => r.name)).toEqual([
      '中原区',
      '二七区',
      '管城回族区',
      '金水区',
      '上街区',
      '惠济区',
      '中牟县',
      '巩义市',
      '荥阳市',
      '新密市',
      '新郑市',
      '登封市',
    ])
    // 113.686037, 34.775838 in GCJ-02: about 570 m off.
    expect(rows[3]?.lon).toBeCloseTo(113.68, 2)
    expect(rows[3]?.lat).toBeCloseTo(34.777, 2)
    expect(Math.abs((rows[3]?.lon ?? 0) - 113.686037)).toBeGreaterThan(0.004)
  })

  it('register the demo city: at least 2,230 stations and about 10,000 points, twice without a double', async () => {
    const seeds = parseStationCsv(await readFile(join(here, '..', 'seeds', 'demo-stations.csv'), 'utf8'))
    const first = await seedStations(pool, seeds)
    expect(first.stations).toBeGreaterThanOrEqual(2230)
    expect(first.points).toBeGreaterThan(9500)
    expect(first.points).toBeLessThan(10_500)
    expect(await seedStations(pool, seeds)).toEqual({ stations: 0, points: 0 })
  })

  it('register the demo city’s water network, twice without a double, and refuse a wrong file', async () => {
    const text = await readFile(join(here, '..', 'seeds', 'demo-pipes.csv'), 'utf8')
    const pipes = parsePipeCsv(text)
    expect([await seedPipes(pool, pipes), await seedPipes(pool, pipes)]).toEqual([429, 0])
    const [header = ''] = text.split('\n')
    expect(() => parsePipeCsv(`${header}\nsteam,P,A,B,1,1,true,x,1 2;3 4\nwater,P,A,B,1,1,true,x,1 2`)).toThrow(/line 2: domain[\s\S]*line 3: the path/)
  })

  it('take an owner where the registry file names one, and keep it when a later file does not', async () => {
    const header = 'code,name,kind,domain,district,lon,lat,gateway'
    const line = 'O-1,泵站,dr_pump,drainage,410105,113.7,34.8,'
    await seedStations(pool, parseStationCsv(`${header},owner\n${line},值班（模拟）\n`))
    await seedStations(pool, parseStationCsv(`${header}\n${line}\n`))
    const { rows } = await pool.query<{ owner: string }>("select owner from station where code = 'O-1'")
    expect(rows).toEqual([{ owner: '值班（模拟）' }])
    expect(() => parseStationCsv(`${header},boss\n${line},x\n`)).toThrow(RegistryFileError)
  })

  it('take who feeds whom, in any order and also from before, and refuse a circle, oneself and a stranger', async () => {
    const header = 'code,name,kind,domain,district,lon,lat,gateway'
    const line = (code: string, feeder = ''): string => `${code},x,ht_station,heating,410105,113.7,34.8,,${feeder}`
    const seed = async (...lines: string[]) => seedStations(pool, parseStationCsv([`${header},feeder`, ...lines, ''].join('\n')))
    await seed(line('F-2', 'F-1'), line('F-1'))
    await seed(line('F-3', 'F-2'))
    await seed(line('F-3'))
    const { rows } = await pool.query("select code, feeder from station where code like 'F-%' order by code")
    expect(rows).toEqual([
      { code: 'F-1', feeder: null },
      { code: 'F-2', feeder: 'F-1' },
      { code: 'F-3', feeder: 'F-2' },
    ])
    await expect(seed(line('F-1', 'F-3'))).rejects.toThrow(/circle/)
    await expect(pool.query("update station set feeder = 'F-3' where code = 'F-1'")).rejects.toThrow(/circle/)
    await expect(seed(line('F-1', 'F-1'))).rejects.toThrow(/line 2: F-1 does not feed itself/)
    await expect(seed(line('F-4', 'F-9'))).rejects.toThrow(/F-4: feeder F-9 is no station/)
  })

  it('refuse a wrong registry file with every fault and its line', () => {
    const header = 'code,name,kind,domain,district,lon,lat,gateway'
    const wrong = [
      header,
      'A B,x,ws_plant,water,410105,113,34,',
      'A,x,spring,water,410105,113,34,',
      'B,x,ws_plant,gas,410105,113,34,',
      'C,x,ws_plant,water,410105,,34,',
      'D,x',
    ].join('\n')
    try {
      parseStationCsv(wrong)
      expect.unreachable()
    } catch (error) {
      expect(error).toBeInstanceOf(RegistryFileError)
      expect((error as RegistryFileError).faults.map((f) => f.slice(0, 6))).toEqual(['line 2', 'line 3', 'line 4', 'line 5', 'line 6'])
    }
  })
})
