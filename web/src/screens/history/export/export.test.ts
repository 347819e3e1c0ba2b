import { flushPromises } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { cellsOf, cursorOf, CsvTail } from './csv-tail.ts'
import { ExportJob, type ExportAsked } from './export-job.ts'
import { gathered, mostGathered, wayOf, type Sink } from './sink.ts'

const text = new TextDecoder()
const bytes = (s: string): Uint8Array<ArrayBuffer> => new TextEncoder().encode(s)
const header = '\uFEFFstation,name,metric,metric_name_zh,unit,time [Asia/Shanghai],value [MPa],quality\r\n'
const line = (i: number): string => `WS-1,"=文化路, ""${i}"" 号",ws.pressure,压力,MPa,2026-11-23T08:00:${String(i).padStart(2, '0')}.000+08:00,0.${i},good\r\n`
const whole = header + Array.from({ length: 40 }, (_, i) => line(i)).join('')
const cursor = (i: number): string => Buffer.from(`WS-1:ws.pressure,2026-11-23T08:00:${String(i).padStart(2, '0')}.000+08:00`).toString('base64url')

describe('the tail of a CSV', () => {
  it('takes cells apart as RFC 4180 writes them', () => {
    expect(cellsOf('a,"b ""c"", d",,e')).toEqual(['a', 'b "c", d', '', 'e'])
    expect(cellsOf('')).toEqual([''])
    expect(cursorOf(line(7))).toBe(cursor(7))
    expect(cursorOf('a,b')).toBeNull()
  })

  it('lets whole lines through wherever the chunks are cut, in the middle of a letter too', () => {
    const all = bytes(whole)
    for (const size of [1, 7, 64, 1000, all.length]) {
      const tail = new CsvTail()
      let out = ''
      for (let at = 0; at < all.length; at += size) {
        const let_ = tail.push(all.subarray(at, at + size))
        expect(let_.length === 0 || let_.at(-1) === 10).toBe(true)
        out += text.decode(let_, { stream: false }).replace(/^\uFEFF/, '')
      }
      expect([size, tail.rows, tail.cursor(), `\uFEFF${out}` === whole]).toEqual([size, 40, cursor(39), true])
    }
  })

  it('has nowhere to go on from while there is only a header', () => {
    const tail = new CsvTail()
    tail.push(bytes(header + line(0).slice(0, 20)))
    expect([tail.rows, tail.cursor()]).toEqual([0, null])
  })
})

it('a file goes where the user says, else through memory while it is small, else the browser’s own way', () => {
  expect(wayOf(true, 'csv', 50_000_000)).toBe('file')
  expect([wayOf(false, 'csv', 1_000_000), wayOf(false, 'csv', 3_000_000), wayOf(false, 'parquet', 3_000_000)]).toEqual(['memory', 'link', 'memory'])
  // Not counted: nobody knows whether it fits.
  expect(wayOf(false, 'csv', null)).toBe('link')
  expect(mostGathered).toBe(2 ** 28)
})

describe('an export', () => {
  const asked: ExportAsked = { points: 'WS-1:ws.pressure', from: 0, to: 1, bucket: 'raw', format: 'csv' }
  let file: Uint8Array[]
  let ended: string[]
  let urls: string[]
  /** What the server answers to the next question of a file: bytes, and where the line is cut. */
  let answers: (() => Response)[]
  let progress: { rows: number; state: string; failure: string | null } | null
  const sink: Sink = {
    write: async (b) => void file.push(b),
    restart: async () => {
      file = []
    },
    finish: async () => void ended.push('finished'),
    discard: async () => void ended.push('discarded'),
  }
  const written = (): string => Buffer.concat(file).toString('utf8')
  const stream = (parts: Uint8Array[], end: 'closed' | 'cut' | 'open' = 'closed'): (() => Response) => {
    return () =>
      new Response(
        new ReadableStream({
          pull(controller) {
            const next = parts.shift()
            if (next) controller.enqueue(next)
            else if (end === 'closed') controller.close()
            else if (end === 'cut') controller.error(new TypeError('network error'))
          },
        }),
        { headers: { 'x-export': 'some-id' } },
      )
  }

  beforeEach(() => {
    file = []
    ended = []
    urls = []
    progress = { rows: 40, state: 'complete', failure: null }
    vi.stubGlobal('fetch', async (url: string, { signal }: { signal: AbortSignal }) => {
      urls.push(url)
      signal.throwIfAborted()
      if (url.includes('/export/some-id')) return progress === null ? Response.json({ code: 'export_unknown' }, { status: 404 }) : Response.json(progress)
      return answers.shift()?.() ?? Response.json({ code: 'unexpected' }, { status: 500 })
    })
  })
  afterEach(() => vi.unstubAllGlobals())

  it('is written as it comes, counts its rows, and becomes a file at its end', async () => {
    const all = bytes(whole)
    answers = [stream([all.slice(0, 300), all.slice(300, 1000), all.slice(1000)])]
    const job = new ExportJob(asked, 40, sink)
    await job.run()
    expect([written() === whole, ended, job.state.value]).toEqual([
      true,
      ['finished'],
      { name: 'done', rows: 40, bytes: all.length, failure: null, limited: false },
    ])
    expect(urls[0]).toBe('/api/v1/export?points=WS-1%3Aws.pressure&from=0&to=1&bucket=raw&format=csv')
  })

  it('that breaks off says why, keeps the whole lines, and goes on behind them', async () => {
    const [first, rest] = [bytes(header + line(0) + line(1) + line(2).slice(0, 30)), bytes(whole.slice((header + line(0) + line(1)).length))]
    answers = [stream([first], 'cut'), stream([rest])]
    progress = { rows: 2, state: 'gone', failure: null }
    const job = new ExportJob(asked, 40, sink)
    await job.run()
    expect([job.state.value.name, job.state.value.failure, job.state.value.rows, ended]).toEqual(['failed', 'unreachable', 2, []])
    progress = { rows: 38, state: 'complete', failure: null }
    await job.run()
    expect(new URLSearchParams(urls.findLast((u) => u.includes('/export?'))?.split('?')[1]).get('cursor')).toBe(cursor(1))
    expect([written() === whole, job.state.value.name, job.state.value.rows, ended]).toEqual([true, 'done', 40, ['finished']])
  })

  it('that the server breaks off says the server’s own reason', async () => {
    answers = [stream([bytes(header + line(0))], 'cut')]
    progress = { rows: 1, state: 'failed', failure: 'query_timeout' }
    const job = new ExportJob(asked, 40, sink)
    await job.run()
    expect(job.state.value).toMatchObject({ name: 'failed', failure: 'query_timeout', rows: 1 })
  })

  it('that is refused says the code of the refusal', async () => {
    answers = [() => Response.json({ code: 'too_many_exports' }, { status: 429 })]
    const job = new ExportJob(asked, 40, sink)
    await job.run()
    expect([job.state.value.failure, ended]).toEqual(['too_many_exports', []])
  })

  it('of more rows than one answer has goes on by itself', async () => {
    const half = header.length + line(0).length * 10
    answers = [stream([bytes(whole.slice(0, half))]), stream([bytes(whole.slice(half))])]
    const states = ['limited', 'complete']
    progress = {
      rows: 10,
      failure: null,
      get state() {
        return states.shift() ?? 'complete'
      },
    }
    const job = new ExportJob(asked, 40, sink)
    await job.run()
    expect([written() === whole, job.state.value.rows, job.state.value.name]).toEqual([true, 40, 'done'])
  })

  it('as Parquet is told of by the server, and begins again when it breaks off', async () => {
    answers = [stream([bytes('PAR1 half')], 'cut'), stream([bytes('PAR1 whole'), bytes('PAR1')])]
    const job = new ExportJob({ ...asked, format: 'parquet' }, 40, sink)
    await job.run()
    expect(job.state.value).toMatchObject({ name: 'failed', failure: 'unreachable' })
    await job.run()
    expect([written(), job.state.value]).toEqual(['PAR1 wholePAR1', { name: 'done', rows: 40, bytes: 14, failure: null, limited: false }])
    expect(urls.every((u) => !u.includes('cursor='))).toBe(true)
  })

  it('that is cancelled leaves nothing behind', async () => {
    answers = [stream([bytes(header + line(0))], 'open')]
    const job = new ExportJob(asked, 40, sink)
    const run = job.run()
    await vi.waitFor(() => expect(job.state.value.rows).toBe(1))
    await job.cancel()
    expect(ended).toEqual(['discarded'])
    void run
  })

  it('that is not heard of any more for three quarters of a minute has failed', async () => {
    vi.useFakeTimers()
    try {
      vi.stubGlobal(
        'fetch',
        (_: string, { signal }: { signal: AbortSignal }) => new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
      )
      const job = new ExportJob(asked, 40, sink)
      void job.run()
      await vi.advanceTimersByTimeAsync(44_000)
      expect(job.state.value.name).toBe('running')
      await vi.advanceTimersByTimeAsync(2000)
      await flushPromises()
      expect(job.state.value).toMatchObject({ name: 'failed', failure: 'timeout' })
    } finally {
      vi.useRealTimers()
    }
  })

  it('through memory becomes a download of its own name', async () => {
    let made: Blob | undefined
    const createObjectURL = (blob: Blob): string => {
      made = blob
      return 'blob:x'
    }
    vi.stubGlobal('URL', Object.assign(URL, { createObjectURL, revokeObjectURL: () => undefined }))
    const clicked = vi.spyOn(HTMLAnchorElement.prototype, 'click').mockImplementation(() => undefined)
    const memory = gathered('yiping.csv', 'csv')
    await memory.write(bytes('lost'))
    await memory.restart()
    await memory.write(bytes('a,b\r\n'))
    await memory.finish()
    expect([await made?.text(), clicked.mock.contexts[0]]).toEqual(['a,b\r\n', expect.objectContaining({ download: 'yiping.csv' })])
  })
})
