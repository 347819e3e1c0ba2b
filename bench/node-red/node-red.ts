import { execFile, spawn } from 'node:child_process'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { promisify } from 'node:util'
import type { Bench } from '../bench.ts'
import { freePort } from '../ingest/free-port.ts'
import type { Mosquitto } from '../real/mosquitto.ts'
import type { RealDatabase } from '../real/server.ts'
import type { Scope } from '../scope.ts'
import { flow } from './flow.ts'

/** The last line that runs on every Node that we run on. */
export const packages = ['node-red@4.1.1', 'pg@8.16.3']
export const nodeRedClient = 'node-red'

/** Into a folder of the run: too heavy to be a dependency of ours. Null when npm cannot bring it. */
export async function installNodeRed(bench: Bench, scope: Scope): Promise<string | null> {
  const folder = await bench.folder(scope)
  await writeFile(join(folder, 'package.json'), '{ "private": true }\n')
  bench.say(`installing ${packages.join(' and ')}`)
  try {
    await promisify(execFile)('npm', ['install', '--no-audit', '--no-fund', '--save-exact', '--ignore-scripts', ...packages], { cwd: folder, timeout: 300_000 })
    return folder
  } catch (error) {
    bench.say(`Node-RED could not be installed: ${error instanceof Error ? error.message : String(error)}`)
    return null
  }
}

export interface NodeRed {
  pid: number
  kill: () => Promise<void>
}

/** A process of its own; its session at the broker is `nodeRedClient`. */
export async function startNodeRed(
  bench: Bench,
  scope: Scope,
  folder: string,
  broker: Mosquitto,
  database: RealDatabase,
  topics: readonly string[],
): Promise<NodeRed> {
  const userDir = join(await bench.folder(scope), 'user')
  await mkdir(userDir)
  const { hostname, port } = new URL(broker.url)
  await writeFile(join(userDir, 'flows.json'), JSON.stringify(flow({ host: hostname, port: Number(port) }, nodeRedClient, topics)))
  await writeFile(
    join(userDir, 'settings.js'),
    `module.exports = {
  flowFile: 'flows.json', uiHost: '127.0.0.1', uiPort: ${await freePort()}, disableEditor: true, credentialSecret: false,
  functionGlobalContext: { pg: require(${JSON.stringify(join(folder, 'node_modules', 'pg'))}) },
  logging: { console: { level: 'error', metrics: false, audit: false } },
}
`,
  )
  const child = spawn(process.execPath, [join(folder, 'node_modules', 'node-red', 'red.js'), '--userDir', userDir], {
    env: { ...process.env, DATABASE_URL: database.url },
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  })
  // Its first complaints tell what is wrong; a thousand of one kind tell no more.
  let said = 0
  createInterface({ input: child.stdout }).on('line', (line) => {
    said += 1
    if (said <= 5) bench.say(`Node-RED: ${line}`)
  })
  const exited = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const kill = async (): Promise<void> => {
    child.kill('SIGKILL')
    await exited
  }
  scope.defer('Node-RED', kill)
  if (child.pid === undefined) throw new Error('Node-RED could not be started')
  return { pid: child.pid, kill }
}
