import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Bench } from '../bench.ts'
import { startPart } from '../city/start-part.ts'
import type { Scope } from '../scope.ts'
import { scriptFile } from './drain.ts'
import type { LivePoint } from './live-plan.ts'
import type { Mosquitto } from './mosquitto.ts'

/** Sends `rate` readings a second for so long; answers how many there were when the broker has them all. */
export async function sendLive(
  bench: Bench,
  scope: Scope,
  broker: Mosquitto,
  points: readonly LivePoint[],
  load: { rate: number; perMessage: number; seconds: number },
): Promise<number> {
  const file = join(await bench.folder(scope), 'points.json')
  await writeFile(file, JSON.stringify(points))
  const sender = await startPart(scope, scriptFile('send-live.ts'), {
    args: [new URL(broker.url).port, file, String(load.rate), String(load.perMessage), String(load.seconds), String(bench.options.seed)],
  })
  const sent = sender.says('sent')
  sender.tell('go')
  const { readings } = await sent
  await sender.stop()
  return Number(readings)
}
