import { isDomainCode } from '@yiping/contract'
import { registryChannel } from './channels.ts'
import type { Queryable } from './connection.ts'
import type { PipeRow } from './load-pipes.ts'
import { RegistryFileError } from './seed-stations.ts'

const columns = ['domain', 'code', 'from_node', 'to_node', 'length_m', 'diameter_mm', 'simulated', 'source', 'path'] as const

const positive = (text: string): number | null => (Number(text) > 0 ? Number(text) : null)
const pathOf = (text: string): [number, number][] => text.split(';').map((p) => p.split(' ').map(Number) as [number, number])
const isPosition = (p: readonly number[]): boolean => p.length === 2 && Math.abs(p[0] ?? 999) <= 180 && Math.abs(p[1] ?? 999) <= 90

/** A network as CSV (see db/seeds/demo-pipes.csv); a path is `lon lat;lon lat;…`. No quoting: a source holds no comma. */
export function parsePipeCsv(text: string): PipeRow[] {
  const lines = text.split(/\r?\n/).filter((l) => l !== '')
  if (lines[0] !== columns.join(',')) throw new RegistryFileError([`line 1: expected the header ${columns.join(',')}`])
  const faults: string[] = []
  const seen = new Set<string>()
  const out: PipeRow[] = []
  for (const [i, line] of lines.entries()) {
    if (i === 0) continue
    const [domain = '', code = '', from = '', to = '', length = '', diameter = '', simulated = '', source = '', path = ''] = line.split(',')
    const positions = pathOf(path)
    const at = `line ${i + 1}`
    if (line.split(',').length !== columns.length) faults.push(`${at}: ${line.split(',').length} cells in place of ${columns.length}`)
    else if (!isDomainCode(domain)) faults.push(`${at}: domain ${JSON.stringify(domain)} is unknown`)
    else if (code === '' || from === '' || to === '') faults.push(`${at}: a code or a node is missing`)
    else if (seen.has(`${domain} ${code}`)) faults.push(`${at}: code ${code} stands twice`)
    else if (positions.length < 2 || !positions.every(isPosition)) faults.push(`${at}: the path is not WGS 84`)
    else {
      seen.add(`${domain} ${code}`)
      out.push({
        ...{ domain, code, from_node: from, to_node: to, path: positions },
        ...{ length_m: positive(length), diameter_mm: positive(diameter), source, simulated: simulated === 'true' },
      })
    }
  }
  if (faults.length > 0) throw new RegistryFileError(faults)
  return out
}

/** Writes pipes; those that exist are replaced. Answers how many are new. Tells running services through the registry channel. */
export async function seedPipes(db: Queryable, pipes: readonly PipeRow[]): Promise<number> {
  const { rows } = await db.query<{ added: number }>(
    `with written as (
       insert into pipe (domain, code, from_node, to_node, path, length_m, diameter_mm, source, simulated)
       select domain, code, from_node, to_node, path, length_m, diameter_mm, source, simulated
       from jsonb_to_recordset($1::jsonb) as p(domain text, code text, from_node text, to_node text, path jsonb, length_m float8,
         diameter_mm float8, source text, simulated boolean)
       on conflict (domain, code) do update set from_node = excluded.from_node, to_node = excluded.to_node, path = excluded.path,
         length_m = excluded.length_m, diameter_mm = excluded.diameter_mm, source = excluded.source, simulated = excluded.simulated
       returning (xmax = 0) as is_new
     )
     select (select count(*)::int from written where is_new) as added, pg_notify('${registryChannel}', '')`,
    [JSON.stringify(pipes)],
  )
  return rows[0]?.added ?? 0
}
