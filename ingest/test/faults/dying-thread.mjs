// Loaded into every thread of an ingest: the one that stores dies at its fifth turn, as by a bug of its own.
import { isMainThread, parentPort } from 'node:worker_threads'

if (!isMainThread && parentPort) {
  const on = parentPort.on.bind(parentPort)
  let turns = 0
  parentPort.on = (name, listener) =>
    on(name, (message) => {
      if (message?.type === 'turn') turns += 1
      if (turns === 5) throw new Error('a bug')
      listener(message)
    })
}
