// Loaded into every Node process of a city that is measured: on SIGWINCH one collects its garbage and writes down what it still holds.
import { renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

const folder = process.env.BENCH_MEMORY
// A signal that nobody else listens to: the services end on most of the others.
if (folder)
  process.on('SIGWINCH', () => {
    setFlagsFromString('--expose-gc')
    const collect = runInNewContext('gc')
    // Twice: what the first finalizes goes with the second.
    collect()
    collect()
    const path = join(folder, `${process.pid}.json`)
    writeFileSync(`${path}.new`, JSON.stringify(process.memoryUsage()))
    renameSync(`${path}.new`, path)
  })
