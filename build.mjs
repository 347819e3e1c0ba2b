// Builds what `npm start` runs: one bundle a service, and the web client. With --if-stale only when a source is newer
// than the last build; a library stays outside the bundles.
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'esbuild'

const root = dirname(fileURLToPath(import.meta.url))
const bundles = {
  'db/dist/main': 'db/src/main.ts',
  'db/dist/embedded': 'db/embedded/child.ts',
  'ingest/dist/main': 'ingest/src/main.ts',
  'ingest/dist/store-worker': 'ingest/src/store/store-worker.ts',
  'ingest/dist/broker': 'ingest/broker/main.ts',
  'server/dist/main': 'server/src/main.ts',
  'server/dist/start': 'server/start/main.ts',
  // As deep as the sources that look for the network and the maps.
  'simulator/dist/bin/main': 'simulator/src/main.ts',
}
const sources = ['contract', 'db', 'ingest', 'server', 'simulator', 'web', 'package-lock.json', 'build.mjs', 'tsconfig.base.json']

/** Name, size and time of every source file. */
function fingerprint() {
  const hash = createHash('sha1')
  const walk = (path) => {
    const stat = statSync(join(root, path))
    if (!stat.isDirectory()) return void hash.update(`${path} ${stat.size} ${stat.mtimeMs}\n`)
    for (const name of readdirSync(join(root, path)).sort())
      if (!['node_modules', 'dist', 'test', 'testing', 'seeds', 'migrations'].includes(name)) walk(join(path, name))
  }
  for (const path of sources) if (existsSync(join(root, path))) walk(path)
  return hash.digest('hex')
}

const stampFile = join(root, 'node_modules', '.cache', 'yiping-build')
const stamp = fingerprint()
const made = () => Object.keys(bundles).every((b) => existsSync(join(root, `${b}.js`))) && existsSync(join(root, 'web/dist/index.html'))
if (process.argv.includes('--if-stale') && made() && existsSync(stampFile) && readFileSync(stampFile, 'utf8') === stamp) process.exit(0)

const present = Object.entries(bundles).filter(([, entry]) => existsSync(join(root, entry)))
await build({
  absWorkingDir: root,
  entryPoints: Object.fromEntries(present),
  outdir: root,
  bundle: true,
  platform: 'node',
  target: 'node20',
  format: 'esm',
  packages: 'external',
  alias: {
    '@yiping/contract': join(root, 'contract/src/index.ts'),
    '@yiping/db/embedded': join(root, 'db/embedded/index.ts'),
    '@yiping/db': join(root, 'db/src/index.ts'),
  },
  loader: { '.inp': 'text' },
  sourcemap: true,
  logLevel: 'warning',
})
const { build: buildWeb } = await import('vite')
await buildWeb({ root: join(root, 'web'), logLevel: 'warn' })
mkdirSync(dirname(stampFile), { recursive: true })
writeFileSync(stampFile, stamp)
