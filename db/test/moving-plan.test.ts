import { fileURLToPath } from 'node:url'
import { defaultRules } from '@yiping/contract'
import { describe, expect, it } from 'vitest'
import { decodeText, readCsvSheet } from '../src/moving/csv-sheet.ts'
import { csvText, exportRows } from '../src/moving/export-register.ts'
import { converted, readTelegrafMap, readThingsboardMap } from '../src/moving/mapping.ts'
import { planImport } from '../src/moving/plan.ts'
import { countsOf, planText } from '../src/moving/plan-text.ts'
import { readSheets } from '../src/moving/read-sheets.ts'
import { pointKey, type Register, type StationRecord } from '../src/moving/register.ts'

const station = (code: string, more: Partial<StationRecord> = {}): StationRecord => ({
  code,
  name: `站 ${code}`,
  kind: 'ws_pressure',
  domain: 'water',
  district: '410102',
  lon: 113.6,
  lat: 34.7,
  gateway: null,
  owner: '东区所',
  feeder: null,
  maintenance: false,
  origin: null,
  ...more,
})
const user = { username: 'Li.Na', name: '李娜', roles: ['administrator' as const], districts: null, domains: null, disabled: false }
const register = (more: Partial<Register> = {}): Register => ({
  stations: new Map([station('WS-1'), station('WS-2', { feeder: 'WS-1' })].map((s) => [s.code, s])),
  points: new Map(['ws.pressure', 'ws.flow'].map((metric) => [pointKey('WS-1', metric), { station: 'WS-1', metric, interval: null }])),
  districts: [
    { adcode: '410102', name: '中原区', nameEn: 'Zhongyuan' },
    { adcode: '410103', name: '二七区', nameEn: 'Erqi' },
  ],
  rules: defaultRules,
  users: new Map([['li.na', user]]),
  ...more,
})
const plan = (text: string, against = register()) => planImport([readCsvSheet('some.csv', Buffer.from(text))], against)
const changesOf = (p: ReturnType<typeof plan>): string[] => p.changes.filter((c) => c.what !== 'unchanged').map((c) => `${c.what} ${c.key}`)
const refusalsOf = (p: ReturnType<typeof plan>): string[] => p.refusals.map((r) => `${r.place} ${r.column}: ${r.reason}`)

describe('a CSV', () => {
  it('is read with commas, line ends and quotes within quotes, and knows its lines', () => {
    const { rows } = readCsvSheet('a.csv', Buffer.from('\uFEFFcode,name\r\n"A","one, ""two""\nthree"\r\n\r\nB,\r\n'))
    expect(rows).toEqual([
      { line: 1, cells: ['code', 'name'] },
      { line: 2, cells: ['A', 'one, "two"\nthree'] },
      { line: 4, cells: [''] },
      { line: 5, cells: ['B', ''] },
    ])
  })
  it('may be parted by semicolons or tabs', () => {
    for (const separator of [';', '\t'])
      expect(readCsvSheet('a.csv', Buffer.from(`code${separator}name\na${separator}b,c`)).rows[1]?.cells).toEqual(['a', 'b,c'])
  })
  it('may be GB18030 or UTF-16, as Excel writes it', () => {
    // 站点 in GBK
    expect(decodeText(Uint8Array.from([0xd5, 0xbe, 0xb5, 0xe3]))).toBe('站点')
    expect(decodeText(Buffer.from('\uFEFF站点', 'utf16le'))).toBe('站点')
    expect(decodeText(Buffer.from('\uFEFF站点'))).toBe('站点')
    expect(() => decodeText(Uint8Array.from([0xff, 0xff, 0x00]))).toThrow('neither')
  })
  it('says which row has an open quote or text behind a quote', () => {
    expect(readCsvSheet('a.csv', Buffer.from('code\n"A"x\n"B')).rows.map((r) => r.fault)).toEqual([
      undefined,
      'there is text behind a closing quote',
      'a quote is left open, to the end of the file',
    ])
  })
})

describe('a plan', () => {
  it('says field by field what changes, and leaves what the file does not say', () => {
    const p = plan('code,name,lon,gateway\nWS-1,Jinshui 12,113.7,\nWS-2,,,GW-9\n')
    expect(planText(p)).toEqual([
      'changed  station WS-1  name: 站 WS-1 → Jinshui 12, lon: 113.6 → 113.7  (some.csv:2)',
      'changed  station WS-2  gateway: (nothing) → GW-9  (some.csv:3)',
    ])
    expect(p.write.stations[0]).toMatchObject({ owner: '东区所', lat: 34.7 })
  })
  it('takes away what a dash stands for, and never a name', () => {
    expect(plan('code,owner\nWS-1,-').changes[0]?.fields).toEqual([{ name: 'owner', before: '东区所', after: null }])
    expect(refusalsOf(plan('code,name\nWS-1,-'))).toEqual(['some.csv:2:2 name: cannot be taken away'])
  })
  it('reads Chinese titles and names, whatever their order', () => {
    const p = plan('名称,站点编码,类型,区县,经度（°）,纬度（°）\n金水路,WS-9,管网压力点,二七区,113.7,34.8\n')
    expect(p.refusals).toEqual([])
    expect(p.write.stations).toEqual([station('WS-9', { name: '金水路', district: '410103', lon: 113.7, lat: 34.8, owner: null })])
    expect(p.write.points.map((x) => x.metric)).toEqual(['ws.pressure', 'ws.flow', 'ws.dp_dt'])
  })
  it('gives a new station the points that rows name, else those of its kind', () => {
    const sheets = ['code,name,kind,lon,lat\nWS-9,Nine,ws_pressure,113,34', 'station,metric,interval_s\nWS-9,ws.flow,30']
    const p = planImport(
      sheets.map((s) => readCsvSheet('s.csv', Buffer.from(s))),
      register(),
    )
    expect(p.write.points).toEqual([{ station: 'WS-9', metric: 'ws.flow', interval: 30 }])
  })
  it('names line, column and reason of whatever it refuses, each row by itself', () => {
    const p = plan(
      [
        'code,name,kind,domain,district,lon,lat,feeder,wind',
        'WS 3,a,ws_pressure,,,113,34,,',
        'WS-4,a,ws_pump,,,113,34,,',
        'WS-5,a,ws_pressure,gas,,113,34,,',
        'WS-6,a,ws_pressure,,410999,113,34,,',
        'WS-7,a,ws_pressure,,,east,134,,',
        'WS-8,,ws_pressure,,,,,WS-8,',
        'WS-9,a,ws_pressure,,,113,34,WS-99,',
        'WS-1,b,,,,,,,,more',
        'WS-2,ok,,,,,,,',
        'WS-2,again,,,,,,,',
      ].join('\n'),
    )
    expect(refusalsOf(p)).toEqual([
      'some.csv:2:1 code: "WS 3" is no station code (letters, digits, _ . -, at most 64)',
      'some.csv:3:3 kind: "ws_pump" is no kind of station',
      'some.csv:3:3 kind: is empty: a new station needs it',
      'some.csv:4:4 domain: a ws_pressure belongs to water, not to gas',
      'some.csv:5:5 district: "410999" is no district that is known here',
      'some.csv:6:6 lon: "east" is no number',
      'some.csv:6:7 lat: 134 is not between -90 and 90',
      'some.csv:7:2 name: is empty: a new station needs it',
      'some.csv:7:6 lon: is empty: a new station has a place (WGS 84)',
      'some.csv:7:8 feeder: WS-8 does not feed itself',
      'some.csv:9 null: 10 cells in place of 9',
      'some.csv:11:1 code: WS-2 stands twice, first at some.csv:10',
      'some.csv:8:8 feeder: WS-99 is no station',
    ])
    expect(countsOf(p)).toEqual({ new: 0, changed: 1, unchanged: 0, refused: 9 })
    expect(p.notes).toEqual(['some.csv:1: stations; of no meaning here: wind'])
  })
  it('refuses who would feed himself by a detour, and who hangs on one that is refused', () => {
    expect(refusalsOf(plan('code,feeder\nWS-1,WS-2'))).toEqual(['some.csv:2:2 feeder: stations feed each other in a circle: WS-1 ← WS-2 ← WS-1'])
    expect(refusalsOf(plan('code,name,kind,lon,lat,feeder\nWS-8,a,ws_pressure,113,34,WS-9\nWS-9,a,ws_pressure,x,34,'))).toEqual([
      'some.csv:3:4 lon: "x" is no number',
      'some.csv:2:6 feeder: WS-9 is no station',
    ])
  })
  it('does not let a station with points change its utility', () => {
    expect(refusalsOf(plan('code,kind\nWS-1,gs_user'))[0]).toContain('WS-1 has points of water')
  })
  it('refuses points of unknown stations and of other utilities', () => {
    const p = plan('站点编码,指标,上报间隔(秒)\nWS-1,ws.flow,30\nWS-1,gs.flow,\nWS-7,ws.flow,\nWS-2,ws.flow,0\n')
    expect(changesOf(p)).toEqual(['changed WS-1:ws.flow'])
    expect(refusalsOf(p)).toEqual([
      'some.csv:3:2 指标: "gs.flow" is no metric of water',
      'some.csv:4:1 站点编码: WS-7 is no station, and none that this run makes',
      'some.csv:5:3 上报间隔(秒): 0 is not between 0.1 and 100000',
    ])
  })
  it('makes a changed limit the next version of its rule, of nobody else’s authority', () => {
    const rule = defaultRules.find((r) => r.code === 'ws.pressure.low')
    const level = rule?.levels[0]
    const p = plan(`rule,severity,op,value\nws.pressure.low,${level?.severity},${level?.op},0.123\n`)
    expect(p.changes[0]).toMatchObject({ key: 'ws.pressure.low#1', what: 'changed' })
    expect(p.changes[0]?.fields).toContainEqual({ name: 'value', before: level?.value, after: 0.123 })
    expect(p.write.rules).toHaveLength(1)
    expect(p.write.rules[0]).toMatchObject({ code: 'ws.pressure.low', version: rule?.version, levels: { length: rule?.levels.length } })
    expect(p.write.rules[0]?.levels[0]).toMatchObject({ value: 0.123, source: '工程经验值', evidence: 'J', sourceVerified: false })
  })
  it('finds a ladder by metric and comparison, makes one where there is none, and finds it again', () => {
    const text = 'metric,severity,op,value,unit\nws.flow,2,≥,900,m3/h\nws.flow,2,≥,950,m3/h\n'
    const p = plan(text)
    expect(changesOf(p)).toEqual(['new ws.flow.high#1', 'new ws.flow.high#2'])
    expect(p.write.rules[0]).toMatchObject({ code: 'ws.flow.high', kind: 'limit', metric: 'ws.flow', levels: [{ value: 900 }, { value: 950 }] })
    const again = plan(text, register({ rules: [...defaultRules, ...p.write.rules] }))
    expect(countsOf(again)).toEqual({ new: 0, changed: 0, unchanged: 2, refused: 0 })
  })
  it('refuses limits that nothing can be compared with', () => {
    const p = plan(
      'rule,severity,op,value,unit,station\nws.pressure.low,1,<,3,Cel,\nws.nothing,1,<,3,MPa,\nws.pressure.low,5,<,3,,\nws.pressure.low,1,<,3,,WS-1\n',
    )
    expect(refusalsOf(p)).toEqual([
      'some.csv:2:5 unit: a limit in Cel cannot be compared with what ws.pressure.low measures',
      'some.csv:3:1 rule: ws.nothing is no active rule',
      'some.csv:4:2 severity: "5" is no severity (1 red … 4 blue)',
      'some.csv:5:6 station: a limit is one of a metric, for all of its points: there are none of a single station',
    ])
  })
  it('makes accounts, finds them whatever their case, and leaves an administrator', () => {
    const p = plan('用户名,姓名,角色,区县\nwang,王强,值班员;分析员,中原区 410103\nli.na,李娜娜,,\n')
    expect(p.refusals).toEqual([])
    expect(p.write.users).toEqual([
      { username: 'wang', name: '王强', roles: ['operator', 'analyst'], districts: ['410102', '410103'], domains: null, disabled: false },
      { ...user, name: '李娜娜' },
    ])
    expect(refusalsOf(plan('username,roles\nli.na,operator'))).toEqual(['some.csv:2:2 roles: Li.Na is the last administrator'])
    expect(refusalsOf(plan('username,name,roles\nw,W,operator', register({ users: new Map() })))[0]).toContain('nobody is administrator yet')
    expect(refusalsOf(plan('username,disabled\nli.na,yes'))[0]).toContain('not by a file')
    expect(refusalsOf(plan('username,name,roles\nli na,W,king'))).toEqual([
      'some.csv:2:1 username: "li na" is no username (letters, digits, _ . @ -, at most 64)',
      'some.csv:2:3 roles: "king" is no role (operator, analyst, administrator)',
    ])
  })
  it('refuses a sheet whose header says nothing, or the same twice', () => {
    expect(refusalsOf(plan('a,b\n1,2'))[0]).toContain('some.csv:1 null: the header names neither')
    expect(refusalsOf(plan('code,编码,name\n1,2,3'))[0]).toContain('two columns mean the same')
    expect(plan('\n \n').notes).toEqual(['some.csv:1: nothing stands there'])
  })
  it('finds all of an export unchanged, formulas and dashes in names too', () => {
    const odd = register({ stations: new Map(['=1+1', '-', 'a "b", c', '@x'].map((name, i) => [`WS-${i}`, station(`WS-${i}`, { name })])), points: new Map() })
    const header = { stations: 'code,name,kind,domain,district,lon,lat,gateway,owner,feeder,maintenance,origin' }
    for (const kind of ['stations', 'thresholds', 'users'] as const) {
      const rows = exportRows(kind, odd).map((r) => r.map((c) => (typeof c === 'string' && /^[=@-]/.test(c) ? `'${c}` : c)))
      const titles = kind === 'stations' ? header.stations : kind === 'users' ? 'username,name,roles,districts,domains,disabled' : null
      const columns = titles ?? 'rule,metric,step,severity,op,value,unit,hold_samples,deadband,on_delay_s,off_delay_s,source,evidence,source_verified,station'
      const p = plan(csvText([columns.split(','), ...rows]), odd)
      expect({ ...countsOf(p), refusals: refusalsOf(p) }).toEqual({ new: 0, changed: 0, unchanged: rows.length, refused: 0, refusals: [] })
    }
  })
})

describe('the examples of docs/moving.md', () => {
  const example = (name: string): string => fileURLToPath(new URL(`../../docs/examples/moving/${name}`, import.meta.url))
  it('are files that can be taken in, and mappings that are right', async () => {
    const districts = [{ adcode: '410105', name: '金水区', nameEn: 'Jinshui' }]
    const sheets = [...(await readSheets(example('stations.csv'))), ...(await readSheets(example('thresholds.csv')))]
    const p = planImport(sheets, register({ districts }))
    expect({ ...countsOf(p), refusals: refusalsOf(p), notes: p.notes }).toMatchObject({ new: 2 + 3 + 5 + 1, refused: 0, refusals: [], notes: [] })
    expect(Object.keys((await readThingsboardMap(example('thingsboard.json'))).keys ?? {})).toHaveLength(3)
    expect(Object.keys((await readTelegrafMap(example('telegraf.json'))).fields)).toHaveLength(3)
  })
})

describe('a value from elsewhere', () => {
  it('is said in the metric’s unit, and what is no number stays what it is', () => {
    const target = { metric: 'ws.pressure', factor: 0.1, offset: 0 }
    expect(['3', 3, true, 'false', 'n/a', null, '', Number.NaN].map((raw) => converted(raw, target))).toEqual([0.3, 0.3, 0.1, 0, 'n/a', null, '', Number.NaN])
    expect(converted('41', { metric: 'ht.t1s', factor: 5 / 9, offset: -160 / 9 })).toBe(5)
  })
})
