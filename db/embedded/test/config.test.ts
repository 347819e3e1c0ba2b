import { describe, expect, test } from 'vitest'

import { DEFAULT_TUNING, parseConfig } from '../config.ts'

const needed = { dataDir: '/data/pg', port: 0, password: 'secret' }

describe('the child’s configuration', () => {
  test('is filled up with the defaults', () => {
    expect(parseConfig(JSON.stringify(needed))).toEqual({ ...needed, ...DEFAULT_TUNING })
    expect(parseConfig(JSON.stringify({ ...needed, checkpointMs: 5 })).checkpointMs).toBe(5)
  })

  test.for([
    [undefined, 'EMBEDDED_DB is not set'],
    ['{', 'EMBEDDED_DB is not JSON'],
    ['null', 'EMBEDDED_DB is not an object'],
    [{ ...needed, dataDir: '' }, 'dataDir is missing'],
    [{ ...needed, password: 1 }, 'password is missing'],
    [{ ...needed, port: 65_536 }, 'port is not a port number'],
    [{ ...needed, port: '5432' }, 'port is not a port number'],
    [{ ...needed, checkpointMs: 0 }, 'checkpointMs is not a whole number above 0'],
    [{ ...needed, vacuumMs: '1' }, 'vacuumMs is not a whole number above 0'],
    [{ ...needed, checkpoint: 1 }, 'unknown setting checkpoint'],
    [{ ...needed, toString: 1 }, 'unknown setting toString'],
  ] as const)('%j is refused', ([value, message]) => {
    expect(() => parseConfig(typeof value === 'object' ? JSON.stringify(value) : value)).toThrow(message)
  })
})
