import { spawn } from 'node:child_process'
import { createInterface } from 'node:readline'
import { createPool } from '@yiping/db'

export interface HistoryOptions {
  databaseUrl: string
  /** Entries of the simulator and of the database's command line. */
  simulator: string
  database: string
  env: Readonly<Record<string, string | undefined>>
  onLine: (line: string) => void
  signal: AbortSignal
}

const dayMs = 86_400_000
/** A shorter gap is closed by the devices' own back-fill. */
const leastGapMs = 10 * 60_000

/**
 * Fills the simulated city's past, as its devices' caches would after a link was down: from the newest reading, at most
 * a day back, up to now. Answers the span that is to be filled, or null.
 */
export async function gapToFill(databaseUrl: string, now: number): Promise<{ from: number; to: number } | null> {
  const pool = createPool({ connectionString: databaseUrl, applicationName: 'yiping-start', max: 1 })
  try {
    const { rows } = await pool.query<{ newest: number | null }>(
      'select max(l.observed_at) as newest from latest l join point p on p.id = l.point_id join station s on s.id = p.station_id where s.origin is null',
    )
    const from = Math.max(rows[0]?.newest ?? 0, now - dayMs)
    return now - from < leastGapMs ? null : { from, to: now }
  } finally {
    await pool.end()
  }
}

/** simulator --history | db import-readings: live readings go on beside it. `to` is where the simulator began to live. */
export async function fillHistory(span: { from: number; to: number }, options: HistoryOptions): Promise<void> {
  const iso = (at: number): string => new Date(at).toISOString()
  const env = { ...options.env, DATABASE_URL: options.databaseUrl }
  const source = spawn(
    process.execPath,
    [
      options.simulator,
      '--history',
      `${Math.ceil((span.to - span.from) / 1000)}s`,
      '--from',
      iso(span.from),
      '--to',
      iso(span.to),
      '--every',
      '5m',
      '--before-live',
      '--out',
      '-',
    ],
    { env, stdio: ['ignore', 'pipe', 'pipe'] },
  )
  const sink = spawn(process.execPath, [options.database, 'import-readings', '-'], { env, stdio: ['pipe', 'ignore', 'pipe'] })
  const stop = (): void => {
    source.kill('SIGTERM')
    sink.kill('SIGTERM')
  }
  options.signal.addEventListener('abort', stop, { once: true })
  for (const stream of [source.stderr, sink.stderr]) createInterface({ input: stream }).on('line', options.onLine)
  source.stdout.pipe(sink.stdin).on('error', () => {})
  // Neither goes on without the other: a source whose reader is gone would wait for ever, and half a past is none.
  sink.once('close', stop)
  source.once('close', (code) => code !== 0 && stop())
  const codes = await Promise.all([source, sink].map((p) => new Promise<number | null>((resolve) => p.once('close', resolve).once('error', () => resolve(-1)))))
  options.signal.removeEventListener('abort', stop)
  if (codes.some((c) => c !== 0) && !options.signal.aborted) throw new Error(`history not filled (codes ${codes.join(', ')})`)
}
