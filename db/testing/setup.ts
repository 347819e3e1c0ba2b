import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { TestProject } from 'vitest/node'
import { makeTemplate, type Template, templateIn } from './template.ts'

declare module 'vitest' {
  export interface ProvidedContext {
    template: Template
  }
}

/** Where another process, such as the gate, has made the template already. */
export const TEMPLATE_FOLDER = 'TEST_TEMPLATE_FOLDER'

/** Once a run, for all projects with tests on databases. */
export default async function setup(run: TestProject): Promise<(() => Promise<void>) | undefined> {
  if (!run.vitest.projects.some((p) => p.name === 'integration' || p.name === 'browser')) return undefined
  const made = process.env[TEMPLATE_FOLDER]
  const folder = made ?? (await mkdtemp(join(tmpdir(), 'yiping-template-')))
  run.provide('template', made === undefined ? await makeTemplate(folder) : templateIn(folder))
  return made === undefined ? () => rm(folder, { recursive: true, force: true }) : undefined
}
