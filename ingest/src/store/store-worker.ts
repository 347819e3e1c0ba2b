import { parentPort, workerData } from 'node:worker_threads'
import { createPool, tracePool, Tracing } from '@yiping/db'
import { PointAlarms } from '../alarm/point-alarms.ts'
import { createClock } from '../clock.ts'
import { Committer } from './committer.ts'
import type { FromStoreThread, StoreThreadData, ToStoreThread } from './messages.ts'

/** The thread that stores: everything from a turn's bytes to its commit. `StoreThread` starts it. */
const port = parentPort
if (port === null) throw new Error('to be started as a thread')
const { databaseUrl, queryTimeoutMs, zone, retryMs, traced } = workerData as StoreThreadData
const say = (message: FromStoreThread): void => port.postMessage(message)
const text = (error: unknown): string => (error instanceof Error ? error.message : String(error))

const onError = (error: Error): void => say({ type: 'disconnected', why: error.message })
const db = createPool({ connectionString: databaseUrl, applicationName: 'yiping-ingest', max: 2, queryTimeoutMs, onError })
// Apart, so that looking up the past of alarms keeps no batch waiting for a connection.
const alarmDb = createPool({ connectionString: databaseUrl, applicationName: 'yiping-ingest-alarms', max: 2, queryTimeoutMs, onError })
const tracing = traced === null ? null : await Tracing.start('yiping-ingest', traced)
if (tracing !== null) for (const pool of [db, alarmDb]) tracePool(pool, tracing)
let leads = false
const alarms = new PointAlarms({
  db: alarmDb,
  zone,
  now: createClock({}),
  leads: () => leads,
  onChanged: (changes) => {
    if (changes.opened.length > 0) say({ type: 'alarms', opened: changes.opened.map((o) => o.severity) })
  },
  onFailed: (error, what) => say({ type: 'alarms_failed', why: text(error), what }),
})
alarms.start()
const committer = new Committer({
  db,
  alarms,
  retryMs,
  tracing,
  onFailed: (error, attempt) => say({ type: 'failed', why: text(error), attempt }),
  onRefused: (error) => say({ type: 'refused', why: text(error) }),
})

port.on('message', (message: ToStoreThread) => {
  switch (message.type) {
    case 'turn':
      // What is thrown here ends the thread, and with it the process.
      void committer.store(message.turn).then((stored) => say({ type: 'stored', stored }))
      break
    case 'stations':
      alarms.use(message.stations)
      break
    case 'reload_alarms':
      alarms.reload()
      break
    case 'lead':
      leads = message.leads
      break
    case 'stop':
      committer.stop()
      break
    case 'end':
      committer.stop()
      port.close()
      void alarms.stop().then(() => Promise.all([db.end(), alarmDb.end(), tracing?.stop()]))
      break
  }
})
say({ type: 'ready' })
