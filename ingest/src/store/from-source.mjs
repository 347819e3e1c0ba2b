// Where ingest runs from its source, the thread that stores does too: it does not inherit the loader of who starts it.
// A run of the tests has made one file of it, once for all.
import { pathToFileURL } from 'node:url'

const once = process.env.TEST_STORE_THREAD
if (once === undefined) (await import('tsx/esm/api')).register()
await import(once === undefined ? './store-worker.ts' : pathToFileURL(once).href)
