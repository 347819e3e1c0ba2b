import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { entriesIn } from '../server/start/city.ts'

/** What `npm run build` made: the figures measure that, as `npm start` runs it. */
export const root = join(dirname(fileURLToPath(import.meta.url)), '..')
export const entries = entriesIn(root)
export const startEntry = join(root, 'server/dist/start.js')
export const resultsFolder = join(root, 'bench', 'results')
