import { once } from 'node:events'
import { get as httpGet, type IncomingMessage, type OutgoingHttpHeaders, type ServerResponse } from 'node:http'
import { setImmediate } from 'node:timers/promises'
import { gunzipSync } from 'node:zlib'
import { parseTime, qualityFromCode } from '@yiping/contract'
import { until } from '@yiping/contract/testing'
import { createPool, type Pool, seedStations } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import { parquetMetadata, parquetReadObjects } from 'hyparquet'
import pg from 'pg'
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest'
import type { App } from '../src/app.ts'
import { startServer } from './running.ts'
import { asAdmin, fetch } from './signed-in.ts'

let database: TestDatabase
let pool: Pool
let app: App
let address: string
const hour = 3_600_000
const day = 24 * hour
/** Midnight in Shanghai, five days ago. */
const begin = Math.floor(Date.now() / day) * day - 5 * day - 8 * hour
const longName = '文化路与红专路交叉口'.repeat(19)
const readings = 24_000

/** Answers with its trailers, which fetch does not show. */
async function download(path: string, headers: OutgoingHttpHeaders = {}) {
  const response = await open(path, headers)
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk)
  const bytes = Buffer.concat(chunks)
  return { status: response.statusCode ?? 0, text: bytes.toString('utf8'), bytes, headers: response.headers, trailers: response.trailers }
}
const open = (path: string, headers: OutgoingHttpHeaders = {}): Promise<IncomingMessage> =>
  new Promise((resolve, reject) => httpGet(`${address}/api/v1/${path}`, { agent: false, headers: { ...asAdmin, ...headers } }, resolve).once('error', reject))
const lines = (text: string): string[] =>
  text
    .replace(/^\uFEFF/, '')
    .split('\r\n')
    .slice(0, -1)
/** As a reader of Parquet has it, times in epoch ms. */
async function parquetOf(bytes: Buffer) {
  const file = bytes.buffer.slice(bytes.byteOffset, bytes.byteOffset + bytes.byteLength) as ArrayBuffer
  const metadata = parquetMetadata(file)
  return { metadata, rows: metadata.num_rows === 0n ? [] : await parquetReadObjects({ file, metadata }) }
}
const json = async (path: string): Promise<ReturnType<typeof JSON.parse>> => (await fetch(`${address}/api/v1/${path}`)).json()
const pages = (spy: { mock: { calls: unknown[][] } }): number => spy.mock.calls.filter(([sql]) => String(sql).includes('as t, value, quality')).length

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  const station = { kind: 'ws_pressure', domain: 'water' as const, district: '410105', lon: 113.7, lat: 34.8, gateway: null, origin: null }
  await seedStations(pool, [
    { ...station, code: 'WS-1', name: '=文化路, "1" 号', metrics: ['ws.pressure', 'ws.flow'] },
    { ...station, code: 'WS-2', name: longName, metrics: ['ws.flow'] },
  ])
  // WS-1: every 5 min for three days, a hole of ten hours, some uncertain and bad ones; WS-2: every 10 s.
  await pool.query(
    `insert into reading (point_id, observed_at, received_at, value, quality)
     select p.id, t, now(), -0.125 + n / 64.0, case when n % 50 = 7 then 2 when n % 50 = 8 then 1 else 0 end
     from point p join station s on s.id = p.station_id cross join generate_series(0, 863) n
     cross join lateral (select to_timestamp($1::float8 / 1000) + n * interval '5 min' + interval '123 ms' as t) x
     where s.code = 'WS-1' and n not between 300 and 419`,
    [begin],
  )
  await pool.query(
    `insert into reading (point_id, observed_at, received_at, value, quality)
     select p.id, to_timestamp($1::float8 / 1000) + n * interval '10 s', now(), n, 0
     from point p join station s on s.id = p.station_id cross join generate_series(0, $2::int - 1) n where s.code = 'WS-2'`,
    [begin, readings],
  )
  // History has connections of its own: what the wall asks for by itself does not stand among them.
  // A minute here has more exports than a day of somebody's.
  const rates = { perMinute: 0, addressPerMinute: 0 }
  ;({ app, address } = await startServer(database.url, { readDatabaseUrl: `${database.url}?`, mostSorted: 8640 + 2 * 288, rates }))
})
afterAll(async () => {
  await app?.stop()
  await pool?.end()
  await database?.stop()
})

describe('an export', () => {
  const both = `points=WS-1:ws.pressure,WS-1:ws.flow&from=${begin}&to=${begin + 3 * day}`

  it('of raw readings has the rows of the table, bad ones too, as Excel and RFC 4180 want them', async () => {
    const answer = await download(`series/export?${both}`)
    expect(answer.headers).toMatchObject({ 'content-type': 'text/csv; charset=utf-8', 'cache-control': 'no-store' })
    expect(answer.headers['content-disposition']).toMatch(/^attachment; filename="yiping-raw-\d{8}T0000-\d{8}T0000\.csv"$/)
    expect(answer.text.startsWith('\uFEFFstation,name,metric,metric_name_zh,unit,time [Asia/Shanghai],value [MPa | m3/h],quality\r\n')).toBe(true)
    const { rows } = await pool.query<{ metric: string; t: number; value: number; quality: number }>(
      `select p.metric, r.observed_at as t, r.value, r.quality from plain_reading r join point p on p.id = r.point_id join station s on s.id = p.station_id
       where s.code = 'WS-1' order by p.metric = 'ws.flow', r.observed_at`,
    )
    const got = lines(answer.text).slice(1)
    expect(got).toHaveLength(744 * 2)
    expect(got[0]).toMatch(/^WS-1,"'=文化路, ""1"" 号",ws\.pressure,[^,]*压[^,]*,MPa,.*T00:00:00\.123\+08:00,-0\.125,good$/)
    const tail = got.map((line) => line.split(',').slice(-3))
    expect(tail.map(([time, value, quality]) => [parseTime(time), Number(value), quality])).toEqual(rows.map((r) => [r.t, r.value, qualityFromCode(r.quality)]))
    expect(answer.trailers).toEqual({ 'x-rows': '1488', 'x-next-cursor': '' })
    expect(await json(`series/count?${both}`)).toEqual({ rows: 1488 })
  })

  it.each(['1m', '15m', '1h', '1d'])('by %s has what a series has, and the count of it', async (tier) => {
    // From within an hour, so that the first bucket is a part.
    const query = `points=WS-1:ws.flow,WS-1:ws.pressure&from=${begin + 40 * 60_000}&to=${begin + 3 * day}&tier=${tier}`
    const answer = await download(`series/export?${query}`)
    const { series, bucketSeconds } = await json(`series?${query}&maxPoints=10000`)
    expect(bucketSeconds).toBe({ '1m': 60, '15m': 900, '1h': 3600, '1d': 86_400 }[tier])
    const rows = lines(answer.text)
      .slice(1)
      .map((line) => line.split(','))
    type Columns = Record<'t' | 'min' | 'avg' | 'max' | 'count', number[]>
    expect(rows.map((r) => [parseTime(r.at(-5)), ...r.slice(-4).map(Number)])).toEqual(
      series.flatMap((s: Columns) => s.t.map((t, i) => [t, s.min[i], s.avg[i], s.max[i], s.count[i]])),
    )
    expect(await json(`series/count?${query}`)).toEqual({ rows: rows.length })
  })

  it.each(['raw', '1m', '15m', '1h', '1d'])('is the same under its own address, of %s as well', async (tier) => {
    const [own, series] = [await download(`export?${both}&bucket=${tier}`), await download(`series/export?${both}&tier=${tier}`)]
    expect([own.status, own.text === series.text, own.trailers]).toEqual([200, true, series.trailers])
    expect(own.headers['content-disposition']).toBe(series.headers['content-disposition'])
    expect(await json(`export/count?${both}&bucket=${tier}`)).toEqual({ rows: Number(own.trailers['x-rows']) })
    expect(lines(own.text)[0]).toMatch(
      tier === 'raw' ? /,value \[MPa \| m3\/h],quality$/ : /,min \[MPa \| m3\/h],mean \[MPa \| m3\/h],max \[MPa \| m3\/h],count$/,
    )
  })

  it.each(['raw', '1h', '1d'])('of %s goes on after any row that a client has, by a cursor made of that line', async (tier) => {
    const query = `${both}&tier=${tier}`
    const whole = lines((await download(`series/export?${query}`)).text)
    for (const share of [0.2, 0.5, 0.8, 1]) {
      const had = Math.max(1, Math.floor((whole.length - 1) * share))
      const cells = whole[had]?.split(',') ?? []
      // The name has a comma of its own.
      const cursor = Buffer.from(`${cells[0]}:${cells[3]},${cells[6]}`).toString('base64url')
      const rest = await download(`series/export?${query}&cursor=${cursor}`)
      expect(lines(rest.text)).toEqual(whole.slice(had + 1))
      expect(await json(`series/count?${query}&cursor=${cursor}`)).toEqual({ rows: whole.length - 1 - had })
    }
  })

  it.each(['raw', '15m', '1d'])('of %s as Parquet has the rows of the CSV, one for one, and counts them at its end', async (bucket) => {
    // Over a row group: WS-2 has more readings than one holds.
    const query = `points=WS-1:ws.pressure,WS-2:ws.flow&from=${begin}&to=${begin + 4 * day}&bucket=${bucket}`
    const csv = await download(`export?${query}`)
    const answer = await download(`export?${query}&format=parquet`)
    expect(answer.headers).toMatchObject({ 'content-type': 'application/vnd.apache.parquet', 'cache-control': 'no-store' })
    expect(answer.headers['content-disposition']).toMatch(/^attachment; filename="yiping-.*\.parquet"$/)
    const { metadata, rows } = await parquetOf(answer.bytes)
    expect([Number(metadata.num_rows), answer.trailers]).toEqual([rows.length, csv.trailers])
    expect(metadata.row_groups.length).toBe(bucket === 'raw' ? 2 : 1)
    expect(metadata.schema.find((e) => e.name === 'time')).toMatchObject({
      ...{ type: 'INT64', converted_type: 'TIMESTAMP_MILLIS', logical_type: { type: 'TIMESTAMP', isAdjustedToUTC: true, unit: 'MILLIS' } },
    })
    expect(metadata.key_value_metadata).toContainEqual({ key: 'zone', value: 'Asia/Shanghai' })
    const head =
      lines(csv.text)[0]
        ?.split(',')
        .map((name) => name.replace(/ \[.*]$/, '')) ?? []
    expect(metadata.schema.slice(1).map((e) => e.name)).toEqual(head)
    const written = rows.map((r) => [r.station, r.metric, r.unit, Number(r.time), ...head.slice(6).map((c) => r[c])])
    const read = lines(csv.text)
      .slice(1)
      .map((line) => {
        const cells = line.replace(/"[^"]*(""[^"]*)*"/, 'name').split(',')
        return [cells[0], cells[2], cells[4], parseTime(cells[5]), ...cells.slice(6).map((c) => (bucket === 'raw' && Number.isNaN(Number(c)) ? c : Number(c)))]
      })
    expect(written).toEqual(read)
    // Without the mark of text that only a spreadsheet needs.
    expect([...new Set(rows.map((r) => r.name))]).toEqual(['=文化路, "1" 号', longName])
  })

  it.each(['csv', 'parquet'])('as %s comes in parts of so many rows, each going on where the one before ended', async (format) => {
    const query = `${both}&format=${format}`
    const rowsOf = async (answer: Awaited<ReturnType<typeof download>>): Promise<unknown[]> =>
      format === 'csv' ? lines(answer.text).filter((line) => !line.startsWith('station')) : (await parquetOf(answer.bytes)).rows
    const whole = await rowsOf(await download(`export?${query}`))
    const parts: unknown[][] = []
    for (let cursor: string | undefined = ''; cursor !== undefined; ) {
      const answer = await download(`export?${query}&limit=500${cursor && `&cursor=${cursor}`}`)
      parts.push(await rowsOf(answer))
      expect(answer.trailers['x-rows']).toBe(String(parts.at(-1)?.length))
      cursor = answer.trailers['x-next-cursor'] || undefined
    }
    expect(parts.map((p) => p.length)).toEqual([500, 500, 488])
    expect(parts.flat()).toEqual(whole)
    expect(await json(`export/count?${both}&limit=500`)).toEqual({ rows: 500 })
  })

  it.each([
    ['WS-1:ws.pressure', 'WS-1:ws.flow', 'WS-2:ws.flow'],
    ['WS-1:ws.flow', 'WS-2:ws.flow', 'WS-1:ws.pressure'],
    ['WS-2:ws.flow', 'WS-1:ws.pressure', 'WS-1:ws.flow'],
  ])('of %s, %s and %s has the rows of each as it has them alone, though one has many more than the others', async (...points) => {
    const rows = async (of: string, more = ''): Promise<string[]> =>
      lines((await download(`series/export?points=${of}&from=${begin}&to=${begin + 4 * day}${more}`)).text).slice(1)
    const alone = []
    for (const point of points) alone.push(...(await rows(point)))
    expect(alone).toHaveLength(readings + 2 * 744)
    expect(await rows(points.join())).toEqual(alone)
  })

  it('means the same moments whatever offset they are asked with', async () => {
    const at = (ms: number, hours: number): string =>
      encodeURIComponent(new Date(ms + hours * hour).toISOString().replace('Z', `${hours < 0 ? '-' : '+'}${String(Math.abs(hours)).padStart(2, '0')}:00`))
    const texts: string[] = []
    for (const hours of [0, 8, -5, 14]) texts.push((await download(`export?points=WS-1:ws.flow&from=${at(begin, hours)}&to=${at(begin + hour, hours)}`)).text)
    expect([texts.every((t) => t === texts[0]), lines(texts[0] ?? '').length]).toEqual([true, 13])
  })

  it('of the night in which clocks are set back has the hour twice, each with its offset, and goes on between the two', async () => {
    const berlin = await startServer(database.url, { zone: 'Europe/Berlin' })
    try {
      // 00:00 UTC is 02:00+02:00, an hour later it is 02:00+01:00.
      const from = Date.UTC(2025, 9, 26)
      await pool.query(
        `insert into reading (point_id, observed_at, received_at, value, quality)
         select p.id, to_timestamp($1::float8 / 1000) + n * interval '30 min', now(), n, 0
         from point p join station s on s.id = p.station_id cross join generate_series(0, 3) n where s.code = 'WS-1' and p.metric = 'ws.flow'`,
        [from],
      )
      const query = `points=WS-1:ws.flow&from=2025-10-26T00:00:00%2B02:00&to=2025-10-27T00:00:00%2B01:00`
      const all = lines(await (await fetch(`${berlin.address}/api/v1/export?${query}`)).text())
      expect(all.slice(1).map((line) => line.split(',').at(-3))).toEqual([
        ...['2025-10-26T02:00:00.000+02:00', '2025-10-26T02:30:00.000+02:00', '2025-10-26T02:00:00.000+01:00', '2025-10-26T02:30:00.000+01:00'],
      ])
      expect(all[0]).toContain(',time [Europe/Berlin],value [m3/h],')
      const cursor = Buffer.from(`WS-1:ws.flow,${all[2]?.split(',').at(-3)}`).toString('base64url')
      expect(lines(await (await fetch(`${berlin.address}/api/v1/export?${query}&cursor=${cursor}`)).text())).toEqual(all.slice(3))
    } finally {
      await berlin.app.stop()
      await pool.query("delete from reading where observed_at < '2025-10-28'")
    }
  })

  it('is packed for who asks for it, and says its rows behind it all the same', async () => {
    const [plain, packed] = [await download(`export?${both}`), await download(`export?${both}`, { 'accept-encoding': 'gzip, deflate, br' })]
    expect([packed.headers['content-encoding'], gunzipSync(packed.bytes).equals(plain.bytes), packed.trailers]).toEqual(['gzip', true, plain.trailers])
    expect(packed.bytes.length).toBeLessThan(plain.bytes.length / 5)
  })

  it('of nothing is a header alone, as Parquet a file without rows', async () => {
    const query = `points=WS-1:ws.flow&from=${begin + 4 * day}&to=${begin + 4 * day + hour}&bucket=1h`
    expect(lines((await download(`export?${query}`)).text)).toHaveLength(1)
    const answer = await download(`export?${query}&format=parquet`)
    expect([Number((await parquetOf(answer.bytes)).metadata.num_rows), answer.trailers]).toEqual([0, { 'x-rows': '0', 'x-next-cursor': '' }])
  })

  it('tells who sees no trailers how far it came', async () => {
    const progress = async (answer: { headers: IncomingMessage['headers'] }) => json(`export/${answer.headers['x-export']}`)
    const all = await download(`export?${both}`)
    const last = lines(all.text).at(-1)?.split(',') ?? []
    const cursor = Buffer.from(`WS-1:ws.flow,${last.at(-3)}`).toString('base64url')
    expect(await progress(all)).toEqual({ rows: 1488, cursor, state: 'complete', failure: null })
    expect(await progress(await download(`export?${both}&limit=10&format=parquet`))).toMatchObject({ rows: 10, state: 'limited' })
    const left = await open(`export?points=WS-2:ws.flow&from=${begin}&to=${begin + 4 * day}`)
    expect(await progress(left)).toMatchObject({ state: 'running' })
    left.destroy()
    await until('it is known to have gone', async () => (await progress(left)).state === 'gone')
    expect(await json('export/none')).toMatchObject({ status: 404, code: 'export_unknown' })
  })

  it('waits for a client that reads slowly, stops when it is gone, and lets two of an address run', async () => {
    const spy = vi.spyOn(pg.Client.prototype, 'query')
    const query = `points=WS-2:ws.flow&from=${begin}&to=${begin + 4 * day}`
    const answers: ServerResponse[] = []
    const keep = (_request: unknown, answer: ServerResponse): number => answers.push(answer)
    app.fastify.server.on('request', keep)
    onTestFinished(() => void app.fastify.server.off('request', keep))
    const waits = (answer: ServerResponse): boolean => answer.writableNeedDrain || answer.writableFinished || answer.destroyed
    const slow = await open(`series/export?${query}`)
    const other = await open(`series/export?${query}`)
    const third = await download(`series/export?${query}`)
    expect([third.status, JSON.parse(third.text).code]).toEqual([429, 'too_many_exports'])
    /** How many pages were read once each answer waits for its client and nothing more is read while the database answers 20 other questions. */
    const settled = async (): Promise<number> => {
      for (let quiet = 0, before = -1; quiet < 20; ) {
        await Promise.allSettled(spy.mock.results.map((r) => r.value))
        await pool.query('select 1')
        await setImmediate()
        quiet = pages(spy) === before && answers.every(waits) ? quiet + 1 : 0
        before = pages(spy)
      }
      return pages(spy)
    }
    const ahead = await settled()
    // What the sockets hold, and a page more.
    for (const answer of [slow, other]) expect((await json(`export/${answer.headers['x-export']}`)).rows).toBeLessThan(readings)
    slow.destroy()
    other.destroy()
    await until('both have left', async () => {
      const next = await open(`series/export?points=WS-1:ws.flow&from=${begin}&to=${begin + day}`)
      await once(next.resume(), 'end')
      return next.statusCode === 200
    })
    // The one page of that next export, and none of the two that went.
    expect(await settled()).toBe(ahead + 1)
    if (database.embedded === null) {
      const { rows } = await pool.query("select query from pg_stat_activity where application_name = 'yiping-server-read' and state = 'active'")
      expect(rows).toEqual([])
    }
    // The twin: who reads on gets all of it.
    const all = await download(`series/export?${query}`)
    expect(all.trailers['x-rows']).toBe(String(readings))
    expect(lines(all.text)).toHaveLength(readings + 1)
  })
})

it.each(['raw', '1h'])('a series of %s carries what was a day before, with its own times', async (tier) => {
  const asked = (from: number, more: string) => json(`series?points=WS-1:ws.flow&from=${from}&to=${from + 10 * hour}&tier=${tier}${more}`)
  const [series] = (await asked(begin + 2 * day, '&compare=P1D')).series
  const earlier = await asked(begin + day, '')
  const [{ t, min, max, avg, count }] = earlier.series
  expect(t.length).toBeGreaterThan(0)
  expect(series.compare).toEqual({ from: earlier.from, to: earlier.to, t, min, max, avg, count })
  expect((await asked(begin + 2 * day, '&compare=P1Y')).series[0].compare).toMatchObject({ t: [], count: [] })
  expect(earlier.series[0].compare).toBeUndefined()
})

it('a series of a span that is over is sent again only when a late reading has changed it; one that goes on is not kept', async () => {
  const path = `${address}/api/v1/series?points=WS-2:ws.flow&from=${begin + 4 * day}&to=${begin + 4 * day + hour}&tier=raw`
  const first = await fetch(path)
  const tag = first.headers.get('etag') ?? ''
  expect([first.status, first.headers.get('cache-control'), tag]).toEqual([200, 'private, no-cache', expect.stringMatching(/^"/)])
  const again = () => fetch(path, { headers: { 'if-none-match': tag } })
  expect((await again()).status).toBe(304)
  await pool.query(
    `insert into reading (point_id, observed_at, received_at, value, quality)
     select p.id, to_timestamp($1::float8 / 1000), now(), 1, 0 from point p join station s on s.id = p.station_id where s.code = 'WS-2'`,
    [begin + 4 * day + 1000],
  )
  const changed = await again()
  expect([changed.status, (await changed.json()).series[0].count]).toEqual([200, [1]])
  expect((await fetch(`${address}/api/v1/series?points=WS-2:ws.flow`)).headers.get('cache-control')).toBe('no-store')
})

describe.each([
  ['series', 'tier=raw&percentiles=50', '1 as count from plain_reading', 'percentile_cont'],
  ['series', 'tier=1h&percentiles=50', 'group by point_id, 2 having', 'percentile_cont'],
  ['series/count', 'tier=raw', 'count(*)::int as n from plain_reading', null],
  ['series/export', 'tier=raw', 'as t, value, quality from plain_reading', null],
  ['export', 'bucket=raw&format=parquet', 'as t, value, quality from plain_reading', null],
  ['export', 'bucket=1h', 'array_agg(mean)', null],
  ['export/count', 'bucket=raw', 'count(*)::int as n from plain_reading', null],
])('a client of %s?%s that goes away', (route, more, part, after) => {
  it('leaves nothing running in the database, and has nothing more begun', async () => {
    // Who asks is known before the database is busy with another.
    await json('auth/me')
    const spy = vi.spyOn(pg.Client.prototype, 'query')
    const asked = (text: string): number => spy.mock.calls.filter(([sql]) => String(sql).includes(text)).length
    const path = `${route}?points=WS-1:ws.flow,WS-1:ws.pressure&from=${begin}&to=${begin + hour}&${more}`
    const response = new Promise<ServerResponse>((resolve) => app.fastify.server.once('request', (_request, response) => resolve(response)))
    // Keeps the tables, and with them the query, for as long as it likes.
    const client = await pool.connect()
    try {
      // Not waited for: what the wall asks for itself may hold one of them and wait for the other.
      await until('the tables are free', async () => {
        await client.query('rollback; begin')
        return client.query('lock table reading, reading_1h in access exclusive mode nowait').then(
          () => true,
          () => false,
        )
      })
      const request = httpGet(`${address}/api/v1/${path}`, { headers: asAdmin })
      request.once('error', () => {})
      const closed = once(await response, 'close')
      await until('the query waits', () => asked(part) === 1)
      const running = spy.mock.results[spy.mock.calls.findIndex(([sql]) => String(sql).includes(part))]?.value
      if (database.embedded === null) await until('the server has it', async () => (await pool.query(active)).rows.some((r) => String(r.query).includes(part)))
      request.destroy()
      await closed
      await expect(running).rejects.toMatchObject({ code: '57014' })
      // The table is still kept: what is left, of this and of what was asked beside it, would still stand there.
      if (database.embedded === null) await until('nothing is left running', async () => (await pool.query(active)).rowCount === 0)
    } finally {
      await client.query('rollback')
      client.release()
    }
    await setImmediate()
    expect([asked(part), after === null ? 0 : asked(after)]).toEqual([1, 0])
    // The twin: who stays has all of it.
    expect((await download(path)).status).toBe(200)
    if (after !== null) expect(asked(after)).toBe(1)
  })
})
const active = "select query from pg_stat_activity where application_name = 'yiping-server-read' and state = 'active'"

describe('percentiles', () => {
  const span = `from=${begin}&to=${begin + day}`
  it('are exact, of the readings that are not bad, whatever the tier; a point without readings has none', async () => {
    const { series } = await json(`series?points=WS-1:ws.flow,WS-2:ws.flow,WS-1:ws.pressure&${span}&tier=1h&percentiles=0,5,50,99.9,100`)
    const percents = [0, 5, 50, 99.9, 100]
    const { rows } = await pool.query<{ values: number[]; n: number }>(
      `select percentile_cont($3::float8[]) within group (order by value) as values, count(*)::int as n
       from plain_reading r join point p on p.id = r.point_id join station s on s.id = p.station_id
       where s.code = 'WS-1' and p.metric = 'ws.flow' and quality < 2
         and observed_at >= to_timestamp($1::float8 / 1000) and observed_at < to_timestamp($2::float8 / 1000)`,
      [begin, begin + day, percents.map((p) => p / 100)],
    )
    expect(series[0].percentiles).toEqual({ readings: rows[0]?.n, values: percents.map((percent, i) => ({ percent, value: rows[0]?.values[i] })) })
    // 0, 1, 2 … of a day by 10 s
    expect(series[1].percentiles.values.map((v: { value: number }) => v.value)).toEqual([0, 0.05 * 8639, 0.5 * 8639, expect.closeTo(0.999 * 8639, 6), 8639])
    const later = await json(`series?points=WS-1:ws.flow&from=${begin + 4 * day}&to=${begin + 4 * day + hour}&percentiles=50`)
    expect(later.series[0].percentiles).toEqual({ readings: 0, values: [] })
    expect((await json(`series?points=WS-1:ws.flow&${span}`)).series[0].percentiles).toBeUndefined()
  })

  it('of more readings than are sorted are refused, and says what to do', async () => {
    const most = 8640 + 2 * 288
    const asked = (more: number) => download(`series?points=WS-2:ws.flow&from=${begin}&to=${begin + most * 10_000 + more}&percentiles=50&tier=1h`)
    expect((await asked(0)).status).toBe(200)
    const refused = await asked(1)
    expect([refused.status, JSON.parse(refused.text)]).toEqual([
      400,
      expect.objectContaining({ code: 'too_many_readings', detail: expect.stringContaining('shorter span') }),
    ])
  })
})

describe('bad input', () => {
  const now = Date.now()
  const point = 'points=WS-1:ws.flow'
  const injection = encodeURIComponent("'; drop table reading; --")
  it.each([
    ['points=', 400, 'points_invalid'],
    ['points=,,,', 400, 'points_invalid'],
    ['', 400, 'request_invalid'],
    ['points=WS-1', 404, 'point_unknown'],
    ['points=WS-1:ws.nothing', 404, 'point_unknown'],
    ['points=__proto__:constructor', 404, 'point_unknown'],
    ['points=%00:%00', 400, 'request_invalid'],
    [`points=${injection}`, 404, 'point_unknown'],
    [`${point}&${point}`, 400, 'request_invalid'],
    [`points=${Array.from({ length: 51 }, (_, i) => `A-${i}:b`).join(',')}`, 400, 'points_invalid'],
    [`points=${Array.from({ length: 10_000 }, (_, i) => `WS-${i}:ws.flow`).join(',')}`, 431, 'request_too_large'],
    [`${point}&from=${now}&to=${now - 1}`, 400, 'span_invalid'],
    [`${point}&from=${now}&to=${now}`, 400, 'span_invalid'],
    [`${point}&from=-1`, 400, 'span_invalid'],
    [`${point}&from=-8640000000000000`, 400, 'span_invalid'],
    [`${point}&to=${now + 3 * day}`, 400, 'span_invalid'],
    [`${point}&to=8640000000000000`, 400, 'span_invalid'],
    [`${point}&from=0`, 400, 'span_invalid'],
    [`${point}&from=9999999999999999`, 400, 'time_invalid'],
    [`${point}&from=`, 400, 'time_invalid'],
    [`${point}&from=Infinity`, 400, 'time_invalid'],
    [`${point}&from=2026-11-23`, 400, 'time_invalid'],
    [`${point}&from=2026-02-30T00:00:00Z`, 400, 'time_invalid'],
    [`${point}&from=2026-13-01T00:00:00Z`, 400, 'time_invalid'],
    [`${point}&from=2026-11-23T08:00:00%2B99:99`, 400, 'time_invalid'],
    [`${point}&from=2026-11-23T08:00:00Asia/Shanghai`, 400, 'time_invalid'],
    [`${point}&from=${injection}`, 400, 'time_invalid'],
    [`${point}&to=${injection}`, 400, 'time_invalid'],
    [`${point}&tier=2h`, 400, 'request_invalid'],
    [`${point}&tier=${injection}`, 400, 'request_invalid'],
    [`${point}&from=2026-11-23T08:00:00`, 400, 'time_invalid'],
    [`${point}&from=${now}&to=${now}e3`, 400, 'time_invalid'],
  ])('%.60s is refused by series, export and count alike', async (query, status, code) => {
    for (const route of ['series', 'series/export', 'series/count', 'export', 'export/count']) {
      const answer = await download(`${route}?${route.startsWith('export') ? query.replace('&tier=', '&bucket=') : query}`)
      expect([route, answer.status, JSON.parse(answer.text).code]).toEqual([route, status, code])
      expect(answer.headers['content-type']).toMatch(/^application\/problem\+json/)
    }
  })
  it.each([
    ['series', 'maxPoints=0', 'request_invalid'],
    ['series', 'maxPoints=-1', 'request_invalid'],
    ['series', 'compare=P2D', 'request_invalid'],
    ['series', `compare=${injection}`, 'request_invalid'],
    ['series', 'maxPoints=1e9', 'request_invalid'],
    ['series', 'percentiles=', 'request_invalid'],
    ['series', 'percentiles=50,', 'request_invalid'],
    ['series', 'percentiles=-1', 'request_invalid'],
    ['series', 'percentiles=1,2,3,4,5,6,7,8,9,10,11', 'request_invalid'],
    ['series', 'percentiles=100.1', 'percentiles_invalid'],
    ['series', `percentiles=${injection}`, 'request_invalid'],
    ['series', `maxPoints=${injection}`, 'request_invalid'],
    ['export', 'format=xlsx', 'request_invalid'],
    ['export', `format=${injection}`, 'request_invalid'],
    ['export', 'tier=1h', 'request_invalid'],
    ['export', 'bucket=2h', 'request_invalid'],
    ['export', 'limit=0', 'request_invalid'],
    ['export', 'limit=-1', 'request_invalid'],
    ['export', 'limit=50000001', 'request_invalid'],
    ['export', 'limit=1e99', 'request_invalid'],
    ['export', `limit=${injection}`, 'request_invalid'],
    ['export', `cursor=${injection}`, 'cursor_invalid'],
    ['export', `zone=${injection}`, 'request_invalid'],
    ['export/count', `limit=${injection}`, 'request_invalid'],
    ['series/export', `format=${injection}`, 'request_invalid'],
    ['series/export', 'bucket=1h', 'request_invalid'],
    ['series/export', `cursor=${injection}`, 'cursor_invalid'],
    ['series/export', 'cursor=', 'cursor_invalid'],
    ['series/export', `cursor=${Buffer.from('WS-2:ws.flow,1').toString('base64url')}`, 'cursor_invalid'],
    ['series/count', `cursor=${Buffer.from('WS-1:ws.flow,soon').toString('base64url')}`, 'cursor_invalid'],
  ])('%s with %s is refused', async (route, query, code) => {
    const answer = await download(`${route}?${point}&${query}`)
    expect([answer.status, JSON.parse(answer.text).code]).toEqual([400, code])
  })
})
