import { BaseSequencer, type TestSpecification } from 'vitest/node'

/** Files that take more than twenty seconds where two cores run three of them at a time, the longest first. */
const long = [
  'ingest/test/faults.it',
  'ingest/test/brokers.it',
  'ingest/test/ingest.it',
  'db/embedded/test/lifecycle.it',
  'db/embedded/test/durability.it',
  'db/test/tiers.it',
  'simulator/test/live.it',
  'simulator/test/process.it',
  'server/test/restarts.it',
  'ingest/test/silence-watch.it',
  'ingest/test/proof.it',
  'server/test/history.e2e',
  'server/test/wall.e2e',
  'server/test/scenes.e2e',
]

/**
 * A worker must not be left alone with a long file at the end, and it keeps the modules that it has read as long as the next
 * file is of its project: those of one project together, and in each the long ones first. What is not named here goes by
 * its size, for a clone has no times of a run before.
 */
export class LongestFirst extends BaseSequencer {
  override async sort(files: TestSpecification[]): Promise<TestSpecification[]> {
    const rank = (file: TestSpecification): number => {
      const at = long.findIndex((name) => file.moduleId.endsWith(`${name}.test.ts`))
      return at < 0 ? long.length : at
    }
    const project = (file: TestSpecification): number => Number(file.project.name === 'browser')
    return (await super.sort(files)).sort((a, b) => project(a) - project(b) || rank(a) - rank(b))
  }
}
