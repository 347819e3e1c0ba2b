import { copyFileSync, mkdirSync, readdirSync } from 'node:fs'
import { symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { until } from '@yiping/contract/testing'
import { build } from 'esbuild'
import { type EmbeddedDatabase, type EmbeddedOptions, EmbeddedStartError, startEmbedded } from '../embedded/index.ts'
import { createPool } from '../src/connection.ts'
import { migrate } from '../src/migrate.ts'
import { makeRoles } from '../src/roles.ts'
import { seedCatalogue } from '../src/seed-catalogue.ts'
import { seedDistricts, zhengzhou } from '../src/seed-districts.ts'
import { rolesInTests } from './roles.ts'

/** What is made once and copied by every test file that wants it. */
export interface Template {
  /** The embedded database as a bundle: read from its sources, each start takes twice as long. */
  child: string
  /** A database folder as the engine makes it. */
  bare: string
  /** One with schema, catalogue and districts. */
  filled: string
}

/**
 * A test's database lives for seconds. By its own measure node compiles much of the engine a second time and better, which
 * takes more than it gives then; so only what is run a great deal more often is.
 */
export const briefLife = ['--wasm-tiering-budget=100000000']

export const templateIn = (folder: string): Template => ({ child: join(folder, 'embedded.mjs'), bare: join(folder, 'bare'), filled: join(folder, 'filled') })

export async function makeTemplate(folder: string): Promise<Template> {
  const template = templateIn(folder)
  await build({
    entryPoints: [fileURLToPath(new URL('../embedded/child.ts', import.meta.url))],
    ...{ outfile: template.child, bundle: true, platform: 'node', format: 'esm', packages: 'external', sourcemap: true, logLevel: 'warning' },
  })
  await symlink(fileURLToPath(new URL('../../node_modules', import.meta.url)), join(folder, 'node_modules'))
  await (await startBrief(template, { dataDir: template.bare })).stop()
  copyTemplate(template.bare, template.filled)
  const database = await startBrief(template, { dataDir: template.filled })
  await prepare(database.url)
  await database.stop()
  return template
}

export const startBrief = ({ child }: Template, options: EmbeddedOptions): Promise<EmbeddedDatabase> =>
  startEmbedded({ entry: child, execArgv: briefLife, ...options })

/** On the port that it had. Some client of this machine may have got that port for a connection meanwhile, and gives it back. */
export const startAgain = (template: Template, options: EmbeddedOptions & { port: number }): Promise<EmbeddedDatabase> =>
  until(
    'its port to be free',
    () =>
      startBrief(template, options).catch((error: unknown) => {
        if (error instanceof EmbeddedStartError && error.message.includes('EADDRINUSE')) return null
        throw error
      }),
    60_000,
  )

export async function prepare(url: string): Promise<void> {
  await migrate(url)
  if (rolesInTests) await makeRoles(url, {})
  const pool = createPool({ connectionString: url, applicationName: 'yiping-test', max: 1 })
  await seedCatalogue(pool)
  await seedDistricts(pool, zhengzhou)
  await pool.end()
}

/** More than a thousand small files: one after the other they take a third of what `cp` takes that asks for each in turn. */
export function copyTemplate(from: string, to: string): void {
  mkdirSync(to, { recursive: true, mode: 0o700 })
  for (const entry of readdirSync(from, { withFileTypes: true }))
    if (entry.isDirectory()) copyTemplate(join(from, entry.name), join(to, entry.name))
    else copyFileSync(join(from, entry.name), join(to, entry.name))
}
