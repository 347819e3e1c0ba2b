/** What npm's registry says of the packages that we run with: known holes of severity high and critical. */
import { execFile } from 'node:child_process'

export interface AuditVerdict {
  /** Null: the registry did not say. */
  holes: string[] | null
  said: string
}

/** The report of `npm audit --json`; a registry that keeps no advisories, or is away, gives none. */
export function verdictOf(text: string): AuditVerdict {
  let report: unknown
  try {
    report = JSON.parse(text)
  } catch {
    return { holes: null, said: text.slice(0, 200) }
  }
  const of = (value: unknown, key: string): unknown => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined)
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
