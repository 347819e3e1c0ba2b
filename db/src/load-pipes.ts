import type { DomainCode } from '@yiping/contract'
import type { Queryable } from './connection.ts'

export interface PipeRow {
  domain: DomainCode
  code: string
  from_node: string
  to_node: string
  /** [lon, lat], WGS 84, at least two. */
  path: [number, number][]
  length_m: number | null
  diameter_mm: number | null
  source: string
  simulated: boolean
}

/** Every pipe of every utility, in order of code. */
export async function loadPipes(db: Queryable): Promise<PipeRow[]> {
  const { rows } = await db.query<PipeRow>(
    'select domain, code, from_node, to_node, path, length_m, diameter_mm, source, simulated from pipe order by domain, code',
  )
  return rows
}
