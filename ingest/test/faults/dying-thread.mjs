// Loaded into every thread of an ingest: the one that stores dies after a while, as by a bug of its own.
import { isMainThread } from 'node:worker_threads'

if (!isMainThread)
  setTimeout(() => {
    throw new Error('a bug')
  }, 2000)
