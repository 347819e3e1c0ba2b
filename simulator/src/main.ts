import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { EnvironmentError } from '@yiping/contract'
import closeWithGrace from 'close-with-grace'
import pino from 'pino'
import { help, parseCommand, UsageError, type Command } from './cli/args.ts'
import { runLive, type Running } from './cli/live.ts'
import { readConfig, type Config } from './config.ts'
import { buildCity } from './city/registry.ts'
import { pipeSeedCsv, pipeSeedFile, seedCsv, seedFile } from './city/seeds.ts'
import { history } from './history/history.ts'
import { pour } from './history/write.ts'
import { createLink } from './publish/link.ts'
import { findMap, readMap, ReplayMapError } from './replay/map.ts'
import { replay, report } from './replay/replay.ts'
import { writeLabel } from './scenario/labels.ts'
import { startScenario } from './scenario/scenario.ts'
import { loadPipes } from './water/pipes.ts'
import { createWorld } from './world.ts'

/** The process: reads what it is asked, does it, and stops on a signal, on "stop" from its parent, or when that is gone. */
async function main(): Promise<void> {
  const command = parseCommand(process.argv.slice(2), Date.now())
  const config = readConfig(process.env)
  // Standard output carries data and the ready line; everything else goes to standard error.
  const log = pino({ name: 'simulator', level: config.logLevel }, pino.destination({ dest: 2, sync: true }))
  switch (command.mode) {
    case 'help':
      process.stdout.write(help)
      return
    case 'write-seeds':
      mkdirSync(dirname(seedFile), { recursive: true })
      writeFileSync(seedFile, seedCsv(buildCity()))
      writeFileSync(pipeSeedFile, pipeSeedCsv(loadPipes()))
      process.stdout.write(`${seedFile}\n${pipeSeedFile}\n`)
      return
    case 'history':
      return writeHistory(command, config, log)
    case 'replay':
      return playBack(command, config, log)
    case 'live': {
      // A city at rest makes little garbage: a nursery that does not grow keeps the process near 120 MB, not 160.
      setFlagsFromString('--semi-space-growth-factor=1')
      setFlagsFromString('--optimize-for-size')
      // Ready to stop before there is anything to stop: the parent may change its mind while the city is built.
      let running: Running | null = null
      const grace = closeWithGrace({ delay: 8000, logger: { error: (error) => log.error(error) } }, async () => running?.stop())
      process.on('message', (message) => {
        if (message === 'stop') void grace.close()
      })
      process.on('disconnect', () => void grace.close())
      running = await runLive(command, config, log)
      void running.connected.then(() => {
        process.stdout.write(`ready: seed ${command.seed}, from ${new Date(command.from).toISOString()}, speed ${command.speed}\n`)
        process.send?.({ type: 'ready', from: command.from })
      })
    }
  }
}

async function writeHistory(command: Extract<Command, { mode: 'history' }>, config: Config, log: pino.Logger): Promise<void> {
  const started = performance.now()
  const world = await createWorld({ seed: command.seed, zone: config.zone })
  for (const s of command.scenarios) {
    const label = await startScenario(world, s.name, command.from + s.offsetMs)
    if (command.labels !== null) writeLabel(command.labels, label)
  }
  const rows = (await pour(history(world, command.from, command.to, command.everyMs, command.beforeLive), command.out)) - 1
  log.info({ rows, seconds: Math.round(performance.now() - started) / 1000, rssMb: Math.round(process.memoryUsage().rss / 1e6) }, 'history written')
}

async function playBack(command: Extract<Command, { mode: 'replay' }>, config: Config, log: pino.Logger): Promise<void> {
  const map = command.map === null ? findMap(command.file) : readMap(command.map)
  const link = createLink({ url: config.mqttUrl, log })
  try {
    const tally = await replay({ file: command.file, map, link, rebaseTo: command.rebase ? Date.now() : null })
    process.stdout.write(report(map, tally))
  } finally {
    await link.stop()
  }
}

main().catch((error: unknown) => {
  const expected = error instanceof UsageError || error instanceof EnvironmentError || error instanceof ReplayMapError
  process.stderr.write(`${expected ? error.message : error instanceof Error ? error.stack : String(error)}\n`)
  process.exitCode = expected ? 2 : 1
})
