import { createWriteStream } from 'node:fs'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'

const pieceChars = 1 << 18

/** Pours lines into a file, or into the standard output for `-`, no faster than they are taken. Returns how many. */
export async function pour(chunks: Iterable<string>, out: string): Promise<number> {
  let lines = 0
  function* pieces(): Generator<string> {
    let text = ''
    for (const chunk of chunks) {
      text += chunk
      for (let i = chunk.indexOf('\n'); i !== -1; i = chunk.indexOf('\n', i + 1)) lines++
      if (text.length < pieceChars) continue
      yield text
      text = ''
    }
    if (text !== '') yield text
  }
  const source = Readable.from(pieces(), { highWaterMark: 2 })
  try {
    if (out === '-') await pipeline(source, process.stdout, { end: false })
    else await pipeline(source, createWriteStream(out))
  } catch (error) {
    // The reader has seen enough, as `head` does.
    if (!(error instanceof Error && 'code' in error && error.code === 'EPIPE')) throw error
  }
  return lines
}
