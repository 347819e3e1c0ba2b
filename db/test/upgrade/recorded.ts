import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export const numberOf = (migration: string): number => Number(migration.slice(0, 4))

const file = fileURLToPath(new URL('statements.jsonl', import.meta.url))
const [head, ...texts] = readFileSync(file, 'utf8').trimEnd().split('\n')
/** Number of the last migration that the version before knew. */
export const recordedSchema = Number((JSON.parse(head ?? '{}') as { schema?: unknown }).schema)
/** Every statement that its server and ingest send. */
export const recordedStatements = texts.map((line) => String(JSON.parse(line)))
