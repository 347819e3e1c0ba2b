import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import {
  build,
  commandComplete,
  EngineError,
  errorResponse,
  MAX_STARTUP_BYTES,
  MessageFramer,
  messageType,
  negotiateProtocolVersion,
  ProtocolError,
  query,
  readResponse,
  readRows,
  readyForQuery,
  replaceParseText,
  startupParameters,
  stringAt,
  SYNC,
  withPrefixedNames,
} from '../messages.ts'

const LIMIT = 1 << 20

/** Cuts `bytes` at the given places. */
function chunked(bytes: Buffer, cuts: number[]): Buffer[] {
  const places = [...new Set(cuts.map((cut) => cut % (bytes.length + 1)))].sort((a, b) => a - b)
  return [0, ...places].map((from, i) => bytes.subarray(from, places[i] ?? bytes.length))
}

function frame(chunks: Buffer[]): Buffer[] {
  const framer = new MessageFramer()
  const messages: Buffer[] = []
  for (const chunk of chunks) {
    framer.push(chunk)
    for (let message = framer.next(LIMIT); message; message = framer.next(LIMIT)) messages.push(message)
  }
  expect(framer.pending).toBe(0)
  return messages
}

const anyMessage = fc.tuple(fc.constantFrom(...'PBDECHSQdcfX'), fc.uint8Array({ maxLength: 300 })).map(([type, body]) => build(type, Buffer.from(body)))
const anyName = fc.stringMatching(/^[^\0]*$/).filter((name) => name.length < 40)

describe('framing', () => {
  test('gives back the messages, whatever chunks they came in', () => {
    fc.assert(
      fc.property(fc.array(anyMessage, { maxLength: 20 }), fc.array(fc.nat(), { maxLength: 60 }), (messages, cuts) => {
        expect(frame(chunked(Buffer.concat(messages), cuts))).toEqual(messages)
      }),
    )
  })

  test('also byte by byte', () => {
    const messages = [query('SELECT 1'), SYNC, build('d', Buffer.alloc(70, 1))]
    const bytes = Buffer.concat(messages)
    expect(frame(Array.from(bytes, (_, i) => bytes.subarray(i, i + 1)))).toEqual(messages)
  })

  test('does not copy a message that came in one chunk', () => {
    const framer = new MessageFramer()
    const bytes = Buffer.concat([query('SELECT 1'), SYNC])
    framer.push(bytes)
    expect(framer.next(LIMIT)?.buffer).toBe(bytes.buffer)
  })

  test('is linear: a message of 4,096 chunks is joined once', () => {
    const chunks = Array.from({ length: 4_096 }, () => Buffer.alloc(64, 7))
    const head = Buffer.alloc(5)
    head.write('d')
    head.writeInt32BE(4 + 4_096 * 64, 1)
    const framer = new MessageFramer()
    const concat = Buffer.concat
    let copied = 0
    Buffer.concat = (list, total) => {
      const joined = concat(list, total)
      copied += joined.length
      return joined
    }
    try {
      framer.push(head)
      for (const chunk of chunks) {
        expect(framer.next(LIMIT)).toBeNull()
        framer.push(chunk)
      }
      expect(framer.next(LIMIT)).toHaveLength(5 + 4_096 * 64)
    } finally {
      Buffer.concat = concat
    }
    expect(copied).toBe(5 + 4_096 * 64)
  })

  test.for([[3], [-1], [LIMIT + 1], [0x7fffffff]])('refuses a length of %d', ([length = 0]) => {
    const framer = new MessageFramer()
    const head = Buffer.from('Q....')
    head.writeInt32BE(length, 1)
    framer.push(head)
    expect(() => framer.next(LIMIT)).toThrow(ProtocolError)
  })

  test('limits the startup packet', () => {
    const framer = new MessageFramer()
    framer.push(Buffer.from('GET / HTTP/1.1\r\n'))
    expect(() => framer.nextStartup()).toThrow(`the limit is ${MAX_STARTUP_BYTES} bytes`)
  })
})

describe('names', () => {
  const prefixed = (message: Buffer) => {
    const [renamed, ...more] = frame([Buffer.concat(withPrefixedNames(message, 'c7.'))])
    expect(more).toEqual([])
    return renamed?.toString('latin1', 5)
  }

  test('are prefixed in each message that has them, and unnamed stays unnamed', () => {
    expect(prefixed(build('P', 's\0SELECT 1\0'))).toBe('c7.s\0SELECT 1\0')
    expect(prefixed(build('P', '\0SELECT 1\0'))).toBe('\0SELECT 1\0')
    expect(prefixed(build('B', 'p\0s\0rest'))).toBe('c7.p\0c7.s\0rest')
    expect(prefixed(build('B', '\0s\0rest'))).toBe('\0c7.s\0rest')
    expect(prefixed(build('B', 'p\0\0rest'))).toBe('c7.p\0\0rest')
    expect(prefixed(build('B', '\0\0rest'))).toBe('\0\0rest')
    expect(prefixed(build('E', 'p\0....'))).toBe('c7.p\0....')
    expect(prefixed(build('D', 'Ss\0'))).toBe('Sc7.s\0')
    expect(prefixed(build('D', 'P\0'))).toBe('P\0')
    expect(prefixed(build('C', 'Pp\0'))).toBe('Pc7.p\0')
    expect(prefixed(query('SELECT 1'))).toBe('SELECT 1\0')
  })

  test('of any kind come through a Bind with its values untouched', () => {
    fc.assert(
      fc.property(anyName, anyName, fc.uint8Array(), (portal, statement, values) => {
        const bind = build('B', `${portal}\0${statement}\0`, Buffer.from(values))
        const renamed = Buffer.concat(withPrefixedNames(bind, 'x.'))
        const name = (given: string) => (given === '' ? '' : `x.${given}`)
        expect(renamed).toEqual(build('B', `${name(portal)}\0${name(statement)}\0`, Buffer.from(values)))
      }),
    )
  })

  test('the values of a Bind are not copied', () => {
    const bind = build('B', 'p\0s\0', Buffer.alloc(1_000))
    expect(withPrefixedNames(bind, 'c7.').at(-1)?.buffer).toBe(bind.buffer)
  })

  test('a name without an end is refused', () => {
    expect(() => withPrefixedNames(build('B', 'endless'), 'c7.')).toThrow(ProtocolError)
  })

  test('a Parse keeps its name when its text is replaced', () => {
    const parse = replaceParseText(build('P', 's\0COPY t FROM STDIN\0', Buffer.alloc(2)), 'SELECT 1')
    expect(stringAt(parse, 5)).toBe('s')
    expect(stringAt(parse, 7)).toBe('SELECT 1')
    expect(messageType(parse)).toBe('P')
  })
})

describe('startup', () => {
  test('parameters come in pairs', () => {
    const packet = Buffer.concat([Buffer.alloc(8), Buffer.from('user\0å\0database\0d\0\0')])
    expect([...startupParameters(packet)]).toEqual([
      ['user', 'å'],
      ['database', 'd'],
    ])
  })

  test('a packet that breaks off is refused', () => {
    const packet = Buffer.concat([Buffer.alloc(8), Buffer.from('user')])
    expect(() => startupParameters(packet)).toThrow(ProtocolError)
  })

  test('unknown options are named when the version is brought down', () => {
    const message = negotiateProtocolVersion(['_pq_.a'])
    expect(message.readInt32BE(9)).toBe(1)
    expect(stringAt(message, 13)).toBe('_pq_.a')
  })
})

describe('responses', () => {
  const notification = build('A', Buffer.alloc(4), 'ch\0payload\0')
  const row = build('D', Buffer.from([0, 2, 0, 0, 0, 1]), 'x', Buffer.alloc(4, 0xff))

  test('tell status, tags, errors, notifications and a CopyInResponse', () => {
    const copyIn = build('G', Buffer.from([0, 0, 0]))
    const bytes = Buffer.concat([
      copyIn,
      row,
      commandComplete('SELECT 1'),
      notification,
      errorResponse('ERROR', '22012', 'division by zero'),
      readyForQuery('E'),
    ])
    const response = readResponse(bytes)
    expect(response).toMatchObject({ status: 'E', failed: true, tags: ['SELECT 1'] })
    expect(response.copyIn).toEqual({ start: 0, end: copyIn.length })
    const [heard] = response.notifications
    expect(heard?.channel).toBe('ch')
    expect(bytes.subarray(heard?.start, heard?.end)).toEqual(notification)
  })

  test('without ReadyForQuery have no status', () => {
    expect(readResponse(row).status).toBeNull()
  })

  test('give their rows as text', () => {
    expect(readRows(Buffer.concat([row, row, readyForQuery('I')]))).toEqual([
      ['x', null],
      ['x', null],
    ])
  })

  test('that are errors are thrown with their state', () => {
    const error = Buffer.concat([errorResponse('ERROR', '42P01', 'no such table'), readyForQuery('I')])
    expect(() => readRows(error)).toThrow(new EngineError('no such table', '42P01'))
    expect(() => readRows(error)).toThrow(expect.objectContaining({ sqlState: '42P01' }))
  })
})
