import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parser } from '@prometheus-io/lezer-promql'
import { parse } from 'yaml'

const deploy = join(dirname(fileURLToPath(import.meta.url)), '..', '..', '..', 'deploy')

/** A question that a delivered file asks of Prometheus. */
export interface DeployedQuery {
  /** File and panel or alert. */
  where: string
  expr: string
}
/** A metric that a question names, and the job that it is asked of. */
export interface Selector {
  where: string
  name: string
  job: string | null
}

interface Panel {
  title?: string
  targets?: { expr: string }[]
  panels?: Panel[]
}
interface RuleFile {
  groups: { rules: { alert: string; expr: string; labels: Record<string, string>; annotations: Record<string, string> }[] }[]
}

export async function deployedAlerts(): Promise<RuleFile['groups'][number]['rules']> {
  const file: RuleFile = parse(await readFile(join(deploy, 'prometheus', 'yiping.rules.yml'), 'utf8'))
  return file.groups.flatMap((g) => g.rules)
}

/** Every question of the dashboard and of the alert rules; of the dashboard with an interval in the place of Grafana's own. */
export async function deployedQueries(): Promise<DeployedQuery[]> {
  const board: { panels: Panel[] } = JSON.parse(await readFile(join(deploy, 'grafana', 'yiping.json'), 'utf8'))
  const panels = board.panels.flatMap((p) => [p, ...(p.panels ?? [])])
  return [
    ...panels.flatMap((p) => (p.targets ?? []).map(({ expr }) => ({ where: `dashboard: ${p.title}`, expr: expr.replaceAll('$__rate_interval', '1m') }))),
    ...(await deployedAlerts()).map(({ alert, expr }) => ({ where: `alert: ${alert}`, expr })),
  ]
}

/** What a question names; throws where it is no PromQL. */
export function selectorsOf({ where, expr }: DeployedQuery): Selector[] {
  const found: Selector[] = []
  parser.parse(expr).iterate({
    enter(node) {
      if (node.type.isError) throw new Error(`${where}: no PromQL at ${node.from}: ${expr}`)
      if (node.name !== 'VectorSelector') return
      const text = expr.slice(node.from, node.to)
      found.push({ where, name: /^[a-zA-Z_:][\w:]*/.exec(text)?.[0] ?? '', job: /\bjob="([^"]*)"/.exec(text)?.[1] ?? null })
    },
  })
  return found
}

/** What is asked of one job, without what Prometheus itself makes (`up`). */
export async function askedOf(job: string): Promise<Selector[]> {
  return (await deployedQueries()).flatMap(selectorsOf).filter((s) => s.job === job && s.name !== 'up')
}

/** The names that can be asked for, of what `/metrics` says: each metric by its type, with or without a value yet. */
export function namesIn(metrics: string): Set<string> {
  const names = new Set<string>()
  for (const [, name = '', type] of metrics.matchAll(/^# TYPE (\S+) (\S+)$/gm)) {
    names.add(name)
    if (type === 'histogram' || type === 'summary') for (const part of ['_bucket', '_sum', '_count']) names.add(name + part)
  }
  return names
}
/** Metrics whose help says nothing. */
export const withoutHelp = (metrics: string): string[] =>
  [...metrics.matchAll(/^# HELP (\S+) ?(.*)$/gm)].flatMap(([, name = '', help = '']) => (help.trim().length < 10 ? [name] : []))
