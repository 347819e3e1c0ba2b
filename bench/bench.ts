import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Browser } from 'playwright-core'
import { launchChromium } from '../server/test/chromium.ts'
import { startAndWatch, type StartTimes } from './city/start-and-watch.ts'
import type { Options } from './options.ts'
import { RealServer } from './real/server.ts'
import { type Scope, withScope } from './scope.ts'

/** A city that has its past and was stopped cleanly: what a second start finds. */
export interface CityData {
  dataDir: string
  stoppedAt: number
  times: StartTimes
}

/** What the figures of one run share. Things that they share are made when first asked for and live to the end of the run. */
export class Bench {
  #browser: Promise<Browser> | null = null
  #data: Promise<CityData> | null = null
  #server: Promise<RealServer> | null = null

  constructor(
    readonly options: Options,
    readonly scope: Scope,
    /** Takes one line of progress. */
    readonly say: (line: string) => void,
  ) {}

  browser(): Promise<Browser> {
    this.#browser ??= launchChromium().then((browser) => {
      this.scope.defer('Chromium', () => browser.close())
      return browser
    })
    return this.#browser
  }

  /** A new empty folder, gone with `scope`. */
  async folder(scope: Scope = this.scope): Promise<string> {
    const path = await mkdtemp(join(tmpdir(), 'yiping-bench-'))
    scope.defer(path, () => rm(path, { recursive: true, force: true, maxRetries: 3 }))
    return path
  }

  /** The server that --database or TEST_DATABASE_URL names, or null. */
  server(): Promise<RealServer> | null {
    const { database } = this.options
    if (database === null) return null
    this.#server ??= RealServer.prepare(this.scope, database)
    return this.#server
  }

  /** The first start on an empty folder, made once a run: the figure `start-empty` reads its times, others go on with its data. */
  data(): Promise<CityData> {
    this.#data ??= this.#firstStart()
    return this.#data
  }

  async #firstStart(): Promise<CityData> {
    const dataDir = await this.folder()
    return withScope(async (scope) => {
      this.say('first start on an empty folder, up to its 24 h of past')
      const { city, times } = await startAndWatch(scope, await this.browser(), this.say, { dataDir, observedAfter: 0, untilPast: true })
      await city.stop()
      return { dataDir, stoppedAt: Date.now(), times }
    })
  }
}
