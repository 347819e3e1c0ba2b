import { describe, expect, it } from 'vitest'
import { parseCommand, UsageError } from '../src/cli/args.ts'
import { parseSpan } from '../src/cli/span.ts'

const now = Date.parse('2026-11-23T12:00:00Z')
const hour = 3_600_000
const parse = (line: string) => parseCommand(line === '' ? [] : line.split(' '), now)

describe('the command line', () => {
  it('without anything runs the city live from now', () => {
    expect(parse('')).toEqual({ mode: 'live', seed: 1, speed: 1, from: now, startedAt: now, scenarios: [], labels: null })
  })

  it.each([
    ['--from -24h --speed 60', { mode: 'live', from: now - 24 * hour, speed: 60 }],
    ['--from=2026-11-23T08:00:00+08:00', { mode: 'live', from: Date.parse('2026-11-23T00:00:00Z') }],
    [
      '--seed 7 --scenario burst@10m --scenario storm --labels l.jsonl',
      {
        seed: 7,
        labels: 'l.jsonl',
        scenarios: [
          { name: 'burst', offsetMs: 600_000 },
          { name: 'storm', offsetMs: 0 },
        ],
      },
    ],
    ['--history 24h', { mode: 'history', from: now - 24 * hour, to: now, out: '-' }],
    ['--history 24h --to -24h --out -', { mode: 'history', from: now - 48 * hour, to: now - 24 * hour, out: '-' }],
    [
      '--history 1h --from 2026-11-20T00:00:00Z --out h.csv',
      { from: Date.parse('2026-11-20T00:00:00Z'), to: Date.parse('2026-11-20T01:00:00Z'), out: 'h.csv' },
    ],
    [
      '--history 5s --from 2026-11-20T00:00:00Z --to 2026-11-20T06:00:00Z',
      { from: Date.parse('2026-11-20T00:00:00Z'), to: Date.parse('2026-11-20T06:00:00Z') },
    ],
    ['--replay a.csv.gz --rebase', { mode: 'replay', file: 'a.csv.gz', map: null, rebase: true }],
    ['--write-seeds', { mode: 'write-seeds' }],
    ['--help', { mode: 'help' }],
  ])('%s', (line, command) => expect(parse(line)).toMatchObject(command))

  it.each([
    '--seed x',
    '--speed 0',
    '--speed -1',
    '--from 2026-11-23T08:00:00',
    '--from 2027-01-01T00:00:00Z',
    '--scenario quake',
    '--scenario burst@soon',
    '--history soon',
    '--history 1h --from 2027-01-01T00:00:00Z',
    '--nonsense',
    'nonsense',
  ])('refuses %s', (line) => expect(() => parse(line)).toThrow(UsageError))

  it.each([
    ['90s', 90_000],
    ['30m', 1_800_000],
    ['1.5h', 5_400_000],
    ['7d', 604_800_000],
    ['5', null],
    ['', null],
    ['-1h', null],
  ])('%s is %s ms', (text, ms) => expect(parseSpan(text)).toBe(ms))
})
