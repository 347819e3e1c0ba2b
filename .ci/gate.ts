/**
 * The one gate: `npm test`. Type check, lint with the import arrows, unit, integration on a real TimescaleDB and a real
 * broker, browser. The last line counts what ran; the word before it names the brokers that took part.
 */
import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TEMPLATE_FOLDER } from '../db/testing/setup.ts'
import { makeTemplate } from '../db/testing/template.ts'
import { brokersHere } from '../ingest/testing.ts'
import { askFolder, askRegistry } from './audit.ts'

interface Result {
  passed: number
  failed: number
  skipped: number
}

function run(command: string, args: readonly string[]): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: 'inherit' })
    child.once('close', (code) => resolve({ code: code ?? 1, said: '' }))
    child.once('error', () => resolve({ code: 1, said: '' }))
  })
}
/** What it says comes in one piece, so that several may run side by side. */
function runApart(command: string, args: readonly string[]): Promise<{ code: number; said: string }> {
  return new Promise((resolve) => {
    const child = spawn(command, args, { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    const hear = (chunk: Buffer): void => {
      said += chunk.toString()
    }
    child.stdout.on('data', hear)
    child.stderr.on('data', hear)
    child.once('close', (code) => resolve({ code: code ?? 1, said }))
    child.once('error', (error) => resolve({ code: 1, said: `${said}${error.message}\n` }))
  })
}
const bin = (name: string): string => join('node_modules', '.bin', name)

async function check(what: string, command: string, args: readonly string[]): Promise<Result> {
  const started = Date.now()
  const { code, said } = await runApart(command, args)
  process.stdout.write(said)
  console.log(`${code === 0 ? 'ok    ' : 'FAILED'}  ${what}  ${((Date.now() - started) / 1000).toFixed(1)} s`)
  return { passed: Number(code === 0), failed: Number(code !== 0), skipped: 0 }
}

/** Projects of one run share its workers: while one test waits, another works. */
async function tests(projects: readonly string[], how: typeof run = run): Promise<Result> {
  const what = projects.join(' and ')
  const folder = await mkdtemp(join(tmpdir(), 'yiping-gate-'))
  const file = join(folder, 'result.json')
  const started = Date.now()
  try {
    const { code, said } = await how(bin('vitest'), [
      'run',
      ...projects.flatMap((p) => ['--project', p]),
      '--reporter=default',
      '--reporter=json',
      `--outputFile.json=${file}`,
    ])
    process.stdout.write(said)
    const report: unknown = JSON.parse(await readFile(file, 'utf8'))
    const count = (key: string): number => {
      const value = typeof report === 'object' && report !== null ? Reflect.get(report, key) : undefined
      return typeof value === 'number' ? value : 0
    }
    const result = { passed: count('numPassedTests'), failed: count('numFailedTests'), skipped: count('numPendingTests') + count('numTodoTests') }
    // A suite that fails to load, or an unhandled rejection, fails no single test.
    if (code !== 0 && result.failed === 0) result.failed = Math.max(1, count('numFailedTestSuites'))
    if (result.passed === 0) result.failed = Math.max(1, result.failed)
    console.log(
      `${result.failed === 0 ? 'ok    ' : 'FAILED'}  ${what}: ${result.passed} passed, ${result.failed} failed  ${((Date.now() - started) / 1000).toFixed(1)} s`,
    )
    return result
  } catch (error) {
    console.log(`FAILED  ${what}: ${error instanceof Error ? error.message : String(error)}`)
    return { passed: 0, failed: 1, skipped: 0 }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}

/** A registry that does not say is no reason to stop, and none to call it good: the count has it as skipped. `AUDIT_ADVISORIES`: a folder to ask instead. */
async function audit(): Promise<Result> {
  const folder = process.env.AUDIT_ADVISORIES
  const { holes, said } = folder ? await askFolder(folder, await readFile('package-lock.json', 'utf8')) : await askRegistry()
  const word = holes === null ? 'skipped' : holes.length === 0 ? 'ok    ' : 'FAILED'
  console.log(`${word}  known holes of packages: ${[said, ...(holes ?? [])].join(', ')}`)
  return { passed: Number(holes?.length === 0), failed: Number((holes?.length ?? 0) > 0), skipped: Number(holes === null) }
}

/** Where the databases of tests are copied from: made while the other core looks at sources. */
async function template(): Promise<Result> {
  const started = Date.now()
  const folder = await mkdtemp(join(tmpdir(), 'yiping-template-'))
  process.env[TEMPLATE_FOLDER] = folder
  const failure = await makeTemplate(folder).then(
    () => '',
    (error: unknown) => ` ${String(error)}`,
  )
  console.log(`${failure === '' ? 'ok    ' : 'FAILED'}  template of test databases${failure}  ${((Date.now() - started) / 1000).toFixed(1)} s`)
  return { passed: 0, failed: Number(failure !== ''), skipped: 0 }
}

/** Each takes one core and has two: the longest first. */
async function sideBySide(parts: readonly (() => Promise<Result>)[]): Promise<Result[]> {
  const left = [...parts]
  const results: Result[] = []
  const work = async (): Promise<void> => {
    for (let next = left.shift(); next !== undefined; next = left.shift()) results.push(await next())
  }
  await Promise.all([work(), work()])
  return results
}

/** Stages that run real parts. */
const real = ['integration', 'browser'] as const

/** What keeps one core busy; all that is wanted of it goes side by side. */
const alone: { stages: readonly string[]; part: () => Promise<Result> }[] = [
  { stages: ['lint'], part: () => check('eslint with the arrows', bin('eslint'), ['--max-warnings=0', '.']) },
  { stages: ['build'], part: () => check('build', process.execPath, ['build.mjs', '--if-stale']) },
  { stages: ['typecheck'], part: () => check('types of web', bin('vue-tsc'), ['-p', join('web', 'tsconfig.json')]) },
  { stages: ['typecheck'], part: () => check('types', bin('tsc'), ['-p', 'tsconfig.json']) },
  { stages: ['unit'], part: () => tests(['unit'], runApart) },
  { stages: ['unit'], part: () => tests(['web'], runApart) },
  { stages: real, part: template },
  { stages: ['audit'], part: audit },
  { stages: ['lint'], part: () => check('biome', bin('biome'), ['check', '--error-on-warnings', '--max-diagnostics=40']) },
]

const wanted = process.argv.slice(2)
const names = new Set(alone.flatMap((a) => a.stages))
const unknown = wanted.filter((w) => !names.has(w))
if (unknown.length > 0) {
  console.error(`no stage ${unknown.join(', ')}; there are ${[...names].join(', ')}`)
  process.exit(2)
}
const isWanted = (name: string): boolean => wanted.length === 0 || wanted.includes(name)
const total: Result = { passed: 0, failed: 0, skipped: 0 }
const add = (result: Result): void => {
  total.passed += result.passed
  total.failed += result.failed
  total.skipped += result.skipped
}
for (const result of await sideBySide(alone.filter((a) => a.stages.some(isWanted)).map((a) => a.part))) add(result)
const together = real.filter(isWanted)
if (together.length > 0) add(await tests(together))
const made = process.env[TEMPLATE_FOLDER]
if (made !== undefined) await rm(made, { recursive: true, force: true })
console.log(`${brokersHere().join('+')}: ${total.passed} passed, ${total.failed} failed${total.skipped > 0 ? `, ${total.skipped} skipped` : ''}`)
process.exitCode = total.failed === 0 ? 0 : 1
