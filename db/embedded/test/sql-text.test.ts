import fc from 'fast-check'
import { describe, expect, test } from 'vitest'

import { bareStatements, inspect } from '../sql-text.ts'

describe('statements', () => {
  test.for([
    ['SELECT 1; SELECT 2;', ['SELECT 1', 'SELECT 2']],
    [`SELECT 'a;b', 'it''s;'; x`, [`SELECT '', ''`, 'x']],
    [`SELECT E'\\';' ; x`, [`SELECT E''`, 'x']],
    [`SELECT name'\\'; x`, [`SELECT name''`, 'x']],
    ['SELECT $$a;b$$ ; x', [`SELECT ''`, 'x']],
    ['SELECT $tag$ $$;$$ $tag$ ; x', [`SELECT ''`, 'x']],
    ['SELECT $1 + $2; x', ['SELECT $1 + $2', 'x']],
    ['SELECT a$b$c; x', ['SELECT a$b$c', 'x']],
    ['SELECT "a;""b"; x', ['SELECT "a;""b"', 'x']],
    ['SELECT 1 -- ; no\n; x', ['SELECT 1', 'x']],
    ['/* a /* nested; */ ; */ x', ['x']],
    [`SELECT 'never closed; x`, [`SELECT ''`]],
    ['/* never closed', []],
    ['', []],
  ] as [string, string[]][])('of %j', ([sql, statements]) => {
    expect(bareStatements(sql)).toEqual(statements)
  })

  test('are found in anything without falling over', () => {
    const pieces = fc.constantFrom("'", '"', '$$', '$a$', '--', '\n', '/*', '*/', ';', 'E', '\\', 'copy', ' ')
    fc.assert(
      fc.property(fc.array(pieces), (text) => {
        for (const statement of bareStatements(text.join(''))) expect(statement).not.toBe('')
      }),
    )
  })
})

describe('COPY FROM STDIN', () => {
  test.for([
    ['copy t from stdin', { alone: true, binary: false }],
    ['COPY t (a, "b c") FROM STDIN;', { alone: true, binary: false }],
    ['-- x\ncopy t\nfrom\tstdin with (format binary)', { alone: true, binary: true }],
    [`COPY t FROM STDIN (FORMAT 'binary')`, { alone: true, binary: true }],
    ['COPY BINARY t FROM STDIN', { alone: true, binary: true }],
    ['BEGIN; COPY t FROM STDIN', { alone: false, binary: false }],
    [`COPY t FROM '/a/file'`, null],
    ['COPY t TO STDOUT', null],
    [`SELECT 'copy t from stdin'`, null],
    ['SELECT 1 -- copy t from stdin', null],
    ['SELECT copy FROM t', null],
  ] as const)('in %j', ([sql, found]) => {
    expect(inspect(sql).copyFromStdin).toEqual(found)
  })
})

describe('channels', () => {
  test.for([
    ['LISTEN Ch', [{ kind: 'listen', channel: 'ch' }]],
    ['listen "Ch ""x"""', [{ kind: 'listen', channel: 'Ch "x"' }]],
    [
      'SELECT 1; UNLISTEN a; LISTEN b;',
      [
        { kind: 'unlisten', channel: 'a' },
        { kind: 'listen', channel: 'b' },
      ],
    ],
    ['UNLISTEN *', [{ kind: 'unlisten-all' }]],
    [`NOTIFY ch, 'listen x'`, []],
    ['SELECT listen FROM t', []],
  ] as const)('of %j', ([sql, changes]) => {
    expect(inspect(sql).channels).toEqual(changes)
  })
})

describe('commands for the whole session', () => {
  test.for([
    ['DISCARD ALL', 'DISCARD ALL'],
    [' discard  all ; ', 'DISCARD ALL'],
    ['DEALLOCATE ALL', 'DEALLOCATE ALL'],
    ['DEALLOCATE PREPARE ALL', 'DEALLOCATE ALL'],
    ['DEALLOCATE q', null],
    ['DISCARD PLANS', null],
    ['SELECT 1; DISCARD ALL', null],
  ] as const)('%j', ([sql, command]) => {
    expect(inspect(sql).sessionWide).toBe(command)
  })
})
