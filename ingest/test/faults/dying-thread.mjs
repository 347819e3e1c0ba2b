// Loaded into every thread of an ingest: the one that stores dies with its third turn, as by a bug of its own.
import { parentPort } from 'node:worker_threads'

let turns = 0
parentPort?.on('message', (message) => {
  if (message.type === 'turn') turns += 1
  if (turns === 3) throw new Error('a bug')
})
