/**
 * Writes down what server and ingest of this version send to the database, for the version after it: its schema has to
 * understand all of it (docs/adr/0022). Takes as long as their integration tests.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

const root = join(dirname(fileURLToPath(import.meta.url)), '..')
const folder = mkdtempSync(join(tmpdir(), 'yiping-record-'))
try {
  const file = join(folder, 'statements')
  const paths = process.argv.length > 2 ? process.argv.slice(2) : ['server/test', 'ingest/test']
  const run = spawnSync('npx', ['vitest', 'run', '--project', 'integration', ...paths], {
    cwd: root,
    stdio: 'inherit',
    env: { ...process.env, RECORD_STATEMENTS: file },
  })
  if (run.status !== 0) throw new Error('tests failed: nothing is written')
  const last =
    readdirSync(join(root, 'db', 'migrations'))
      .sort()
      .at(-1) ?? ''
  // In an order of their own, so that a change shows what has changed. Each worker of the tests has seen some of them.
  const lines = [...new Set(readFileSync(file, 'utf8').trimEnd().split('\n'))].sort()
  const target = join(root, 'db', 'test', 'upgrade', 'statements.jsonl')
  writeFileSync(target, `${[JSON.stringify({ schema: Number(last.slice(0, 4)) }), ...lines].join('\n')}\n`)
  process.stdout.write(`${lines.length} statements of schema ${last}\n`)
} finally {
  rmSync(folder, { recursive: true, force: true })
}
