// Where ingest runs from its source (tests), the thread that stores does too: it does not inherit the loader of who starts it.
import { register } from 'tsx/esm/api'

register()
await import('./store-worker.ts')
