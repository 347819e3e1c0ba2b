import type { Logger } from 'pino'
import type { Config } from '../config.ts'
import { createLink } from '../publish/link.ts'
import { createLive } from '../publish/live.ts'
import { createPace } from '../publish/pace.ts'
import { isScenarioName, type ScenarioName } from '../scenario/names.ts'
import { startScenario } from '../scenario/scenario.ts'
import { writeLabel } from '../scenario/labels.ts'
import { createWorld } from '../world.ts'
import type { Command } from './args.ts'

const tickMs = 500
const reportMs = 60_000

export interface Running {
  /** Resolves with the first connection to the broker. */
  connected: Promise<void>
  stop(): Promise<void>
}

/** The city, live: wires world, pace and link to the clock. */
export async function runLive(command: Extract<Command, { mode: 'live' }>, config: Config, log: Logger, clock: () => number = Date.now): Promise<Running> {
  const world = await createWorld({ seed: command.seed, zone: config.zone })
  const link = createLink({ url: config.mqttUrl, log })
  const live = createLive(world, link, command.from)
  const cityTime = createPace(command.from, command.speed, command.startedAt)

  const start = async (name: ScenarioName, at: number): Promise<void> => {
    const label = await startScenario(world, name, at)
    if (command.labels !== null) writeLabel(command.labels, label)
    log.info({ scenario: name, start: new Date(at).toISOString(), affected: label.affected.length }, 'scenario')
  }
  for (const s of command.scenarios) await start(s.name, command.from + s.offsetMs)
  link.onCommand((payload) => {
    const name = requested(payload)
    if (name === null) log.warn({ payload: payload.slice(0, 200) }, 'not a command')
    else start(name, cityTime(clock())).catch((error: unknown) => log.error({ err: error }, 'scenario'))
  })

  const beat = setInterval(() => live.tick(cityTime(clock())), tickMs)
  const report = setInterval(() => log.info({ ...live.stats(), ...link.stats(), rssMb: Math.round(process.memoryUsage().rss / 1e6) }, 'running'), reportMs)
  return {
    connected: link.connected,
    stop: async () => {
      clearInterval(beat)
      clearInterval(report)
      // What was handed over gets a moment to be acknowledged; identity makes a repetition harmless.
      await Promise.race([link.drained(), new Promise((resolve) => setTimeout(resolve, 2000).unref())])
      log.info({ ...live.stats(), ...link.stats() }, 'stopped')
      await link.stop()
    },
  }
}

function requested(payload: string): ScenarioName | null {
  try {
    const body: unknown = JSON.parse(payload)
    const name = typeof body === 'object' && body !== null && 'scenario' in body ? body.scenario : null
    return typeof name === 'string' && isScenarioName(name) ? name : null
  } catch {
    return null
  }
}
