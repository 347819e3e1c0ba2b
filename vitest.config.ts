import { defineConfig } from 'vitest/config'
import { LongestFirst } from './.ci/longest-first.ts'

// TZ is fixed to an odd zone so that code which leans on the machine's zone fails here first.
process.env.TZ = 'Pacific/Chatham'

// No module of ours keeps a state beyond a test: read once a worker they take a third of the time.
const shared = { environment: 'node', restoreMocks: true, isolate: false } as const
const skip = ['**/node_modules/**', '**/dist/**']

export default defineConfig({
  test: {
    globalSetup: ['./db/testing/setup.ts', './ingest/test/setup.ts'],
    sequence: { sequencer: LongestFirst },
    projects: [
      {
        test: {
          ...shared,
          name: 'unit',
          include: ['{contract,db,ingest,server,simulator,bench}/**/*.test.ts'],
          exclude: [...skip, '**/*.it.test.ts', '**/*.e2e.test.ts'],
        },
      },
      {
        test: {
          ...shared,
          name: 'integration',
          sequence: { groupOrder: 1 },
          include: ['{db,ingest,server,simulator}/**/*.it.test.ts'],
          exclude: skip,
          testTimeout: 60_000,
          hookTimeout: 90_000,
          // More than cores: these wait for processes, timers and disks half of the time.
          maxWorkers: 3,
        },
      },
      './web/vitest.config.ts',
      {
        test: {
          ...shared,
          name: 'browser',
          sequence: { groupOrder: 1 },
          include: ['server/**/*.e2e.test.ts'],
          exclude: skip,
          testTimeout: 90_000,
          hookTimeout: 90_000,
          maxWorkers: 3,
        },
      },
    ],
  },
})
