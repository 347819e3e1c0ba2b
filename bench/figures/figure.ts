import type { Bench } from '../bench.ts'
import type { Outcome } from '../report/outcome.ts'
import type { Scope } from '../scope.ts'

export interface Figure {
  name: string
  about: string
  run: (bench: Bench, scope: Scope) => Promise<Outcome>
}
