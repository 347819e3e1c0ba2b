import { describe, expect, test } from 'vitest'
import { clearOfReads } from '../engine.ts'
import { build, SYNC } from '../messages.ts'

/** Where messages end that are followed by another one. */
function innerEnds(messages: Buffer): number[] {
  const ends: number[] = []
  for (let at = 0; at < messages.length; ) {
    at += 1 + messages.readInt32BE(at + 1)
    if (at < messages.length) ends.push(at)
  }
  return ends
}

describe('what is sent to the engine', () => {
  test('never has a message end where a read of 8 KiB ends, and keeps every byte', () => {
    for (let length = 8_100; length <= 8_300; length += 1) {
      const messages = Buffer.concat([build('P', Buffer.alloc(length)), build('B', Buffer.alloc(8_192 - 5)), SYNC])
      const sent = clearOfReads(messages)
      expect(innerEnds(sent).filter((end) => end % 8192 === 0)).toEqual([])
      expect(sent.subarray(sent.length - messages.length).equals(messages)).toBe(true)
    }
  })

  test('is found a way for at once, whatever the number of messages: a COPY of many rows, a cycle of many statements', () => {
    const rows = Array.from({ length: 20_000 }, (_, i) => build('d', Buffer.alloc(i % 97)))
    const copy = Buffer.concat([build('Q', Buffer.alloc(8_192 - 5)), ...rows, build('c')])
    expect(clearOfReads(copy)).toHaveLength(copy.length + 5)
    const cycle = Buffer.concat([...Array.from({ length: 9_000 }, (_, i) => build('B', Buffer.alloc(i % 89))), SYNC])
    expect(innerEnds(clearOfReads(cycle)).length).toBeGreaterThanOrEqual(9_000)
  })

  test('is left alone when it need not be changed', () => {
    const messages = Buffer.concat([build('P', Buffer.alloc(100)), SYNC])
    expect(clearOfReads(messages)).toBe(messages)
  })
})
