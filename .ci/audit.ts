/** Known holes of the packages that we use: what npm's registry says, or a folder of advisories where there is no registry that does. */
import { execFile } from 'node:child_process'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { satisfies, validRange } from 'semver'
import { parse } from 'yaml'

export interface AuditVerdict {
  /** Null: nobody said. */
  holes: string[] | null
  said: string
}

const of = (value: unknown, key: string): unknown => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined)

/** The report of `npm audit --json`; a registry that keeps no advisories, or is away, gives none. */
export function verdictOf(text: string): AuditVerdict {
  let report: unknown
  try {
    report = JSON.parse(text)
  } catch {
    return { holes: null, said: text.slice(0, 200) }
  }
  const found = of(report, 'vulnerabilities')
  if (typeof of(report, 'auditReportVersion') !== 'number' || typeof found !== 'object' || found === null)
    return { holes: null, said: String(of(report, 'message') ?? 'no report').slice(0, 200) }
  const holes = Object.entries(found)
    .map(([name, hole]) => ({ name, severity: String(of(hole, 'severity')) }))
    .filter(({ severity }) => severity === 'high' || severity === 'critical')
    .map(({ name, severity }) => `${name} (${severity})`)
  return { holes, said: `${Object.keys(found).length} packages with known holes, ${holes.length} of them high or critical` }
}

/** Of what is installed for running, once and without waiting long: who is not heard is not asked again. */
export function askRegistry(): Promise<AuditVerdict> {
  return new Promise((resolve) => {
    execFile('npm', ['audit', '--omit=dev', '--json', '--fetch-retries=0', '--fetch-timeout=15000'], { maxBuffer: 2 ** 24 }, (_error, stdout) =>
      resolve(verdictOf(stdout)),
    )
  })
}

/**
 * Holds every package of a lock file, those for development too, against advisories in GitLab's format: `folder/<package>/*.yml` with
 * `identifier`, `affected_range` and `pubdate`. Whatever is affected counts, high or not. A folder that knows none of the packages
 * says nothing of them; an advisory that cannot be read is an error.
 */
export async function askFolder(folder: string, lock: string): Promise<AuditVerdict> {
  const packages = Object.entries(of(JSON.parse(lock), 'packages') ?? {}).flatMap(([path, about]) => {
    const [name, version] = [of(about, 'name') ?? path.split('node_modules/').at(-1), of(about, 'version')]
    return path.includes('node_modules/') && typeof name === 'string' && typeof version === 'string' ? [{ name, version }] : []
  })
  const known = new Map<string, { identifier: string; range: string }[]>()
  let newest = ''
  for (const name of new Set(packages.map((p) => p.name))) {
    const files = await readdir(join(folder, name)).catch(() => [])
    const own = files
      .filter((f) => f.endsWith('.yml'))
      .map(async (file) => {
        const advisory: unknown = parse(await readFile(join(folder, name, file), 'utf8'))
        const [identifier, range, published] = ['identifier', 'affected_range', 'pubdate'].map((key) => of(advisory, key))
        if (typeof identifier !== 'string' || typeof range !== 'string' || validRange(range) === null)
          throw new Error(`${name}/${file} is no advisory of a package`)
        if (typeof published === 'string' && published > newest) newest = published
        return { identifier, range }
      })
    known.set(name, await Promise.all(own))
  }
  const advisories = [...known.values()].reduce((n, own) => n + own.length, 0)
  if (advisories === 0) return { holes: null, said: `no advisory of any of ${packages.length} packages in ${folder}` }
  const holes = packages.flatMap(({ name, version }) =>
    (known.get(name) ?? [])
      .filter(({ range }) => satisfies(version, range, { includePrerelease: true }))
      .map(({ identifier }) => `${name} ${version} (${identifier})`),
  )
  return { holes, said: `${packages.length} packages held against ${advisories} advisories of theirs, the newest of ${newest}: ${holes.length} affected` }
}
