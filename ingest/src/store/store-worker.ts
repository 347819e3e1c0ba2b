import { parentPort, workerData } from 'node:worker_threads'
import { createPool } from '@yiping/db'
import { Committer } from './committer.ts'
import type { FromStoreThread, StoreThreadData, ToStoreThread } from './messages.ts'

/** The thread that stores: everything from a turn's bytes to its commit. `StoreThread` starts it. */
const port = parentPort
if (port === null) throw new Error('to be started as a thread')
const { databaseUrl, queryTimeoutMs, retryMs } = workerData as StoreThreadData
const say = (message: FromStoreThread): void => port.postMessage(message)
const text = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const db = createPool({
  connectionString: databaseUrl,
  applicationName: 'yiping-ingest',
  max: 2,
  queryTimeoutMs,
  onError: (error) => say({ type: 'disconnected', why: error.message }),
})
const committer = new Committer({
  db,
  retryMs,
  onFailed: (error, attempt) => say({ type: 'failed', why: text(error), attempt }),
  onRefused: (error) => say({ type: 'refused', why: text(error) }),
})

port.on('message', (message: ToStoreThread) => {
  switch (message.type) {
    case 'turn':
      // What is thrown here ends the thread, and with it the process.
      void committer.store(message.turn).then((stored) => say({ type: 'stored', stored }))
      break
    case 'stop':
      committer.stop()
      break
    case 'end':
      committer.stop()
      port.close()
      void db.end()
      break
  }
})
say({ type: 'ready' })
