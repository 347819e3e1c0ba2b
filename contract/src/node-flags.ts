/**
 * How Node runs ingest: its heap is small by design (tickets wait as bytes, and on disk), and without a bound V8 lets
 * garbage grow to several times that before it collects. Also in ingest/package.json and docker-compose.yml.
 */
export const ingestNodeFlags = ['--max-old-space-size=256', '--max-semi-space-size=16'] as const

/**
 * How Node runs the server: what a second's frames leave behind is collected soon. With V8's own bound a thousand screens
 * let that garbage grow to three times what they hold. Also in server/package.json and docker-compose.yml.
 */
export const serverNodeFlags = ['--max-semi-space-size=4'] as const

/**
 * How glibc gives memory to the server, and takes it back (without effect elsewhere). Frames pass through short-lived buffers
 * of a few hundred KiB; with its own bounds, which rise by themselves, the C library kept 200 MiB of holes after a thousand
 * screens had asked for their snapshots at once. Also in docker-compose.yml.
 */
export const serverMalloc = { MALLOC_ARENA_MAX: '2', MALLOC_TRIM_THRESHOLD_: '131072', MALLOC_MMAP_THRESHOLD_: '65536' } as const
