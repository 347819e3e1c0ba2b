import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { deployedAlerts, deployedQueries, selectorsOf } from '@yiping/contract/testing/deployed'
import { describe, expect, it, onTestFinished } from 'vitest'
import { parse } from 'yaml'
import { askFolder, verdictOf } from '../../.ci/audit.ts'

const deploy = join(dirname(fileURLToPath(import.meta.url)), '..', '..', 'deploy')

describe('the Grafana dashboard and the alert rules', () => {
  it('ask nothing but PromQL, each metric of a job that is scraped', async () => {
    const scraped: { scrape_configs: { job_name: string }[] } = parse(await readFile(join(deploy, 'prometheus', 'prometheus.yml'), 'utf8'))
    const jobs = scraped.scrape_configs.map((s) => s.job_name)
    const selectors = (await deployedQueries()).flatMap(selectorsOf)
    expect(selectors.length).toBeGreaterThan(80)
    expect(selectors.filter((s) => s.name === '' || s.job === null || !jobs.includes(s.job))).toEqual([])
  })
  it('would not ask what is none', () => {
    const asked = (expr: string) => () => selectorsOf({ where: 'here', expr })
    expect(asked('sum(rate(x{job="a"}[5m])')).toThrow('here: no PromQL')
    expect(asked('rate(x[5m]) >')).toThrow('no PromQL')
    expect(asked('histogram_quantile(0.9, sum by (le) (rate(x_bucket{job="a",route!="b"}[5m]))) > y')()).toEqual([
      { where: 'here', name: 'x_bucket', job: 'a' },
      { where: 'here', name: 'y', job: null },
    ])
  })
  it('name each alert once, say whom it wakes, what is wrong, and more', async () => {
    const alerts = await deployedAlerts()
    expect(new Set(alerts.map((a) => a.alert)).size).toBe(alerts.length)
    for (const { alert, labels, annotations } of alerts) {
      expect(['page', 'ticket'], alert).toContain(labels.severity)
      expect(
        [annotations.summary?.length, annotations.description?.length].every((n) => n !== undefined && n > 10),
        alert,
      ).toBe(true)
    }
  })
})

describe('the audit of packages', () => {
  const report = (vulnerabilities: Record<string, { severity: string }>): string => JSON.stringify({ auditReportVersion: 2, vulnerabilities })

  it('names those with holes that are high or critical, and no others', () => {
    expect(verdictOf(report({ a: { severity: 'high' }, b: { severity: 'moderate' }, c: { severity: 'critical' } })).holes).toEqual(['a (high)', 'c (critical)'])
    expect(verdictOf(report({ b: { severity: 'low' } })).holes).toEqual([])
    expect(verdictOf(report({}))).toEqual({ holes: [], said: '0 packages with known holes, 0 of them high or critical' })
  })
  it.each(['', 'null', '{"message": "405 Method Not Allowed"}', '{"vulnerabilities": {}}', 'npm error'])(
    'takes %j for no report, and not for a good one',
    (text) => expect(verdictOf(text).holes).toBeNull(),
  )

  describe('in a folder of advisories', () => {
    const lock = JSON.stringify({
      packages: {
        '': { name: 'us', version: '1.0.0' },
        'node_modules/a': { version: '1.4.0' },
        'node_modules/b/node_modules/@s/a': { version: '2.0.0' },
        'node_modules/us': { link: true },
      },
    })
    const folderOf = async (files: Record<string, string>): Promise<string> => {
      const folder = await mkdtemp(join(tmpdir(), 'yiping-advisories-'))
      onTestFinished(() => rm(folder, { recursive: true }))
      for (const [path, text] of Object.entries(files)) {
        await mkdir(join(folder, path, '..'), { recursive: true })
        await writeFile(join(folder, path), text)
      }
      return folder
    }
    const advisory = (id: string, range: string): string => `identifier: "${id}"\naffected_range: "${range}"\npubdate: "2026-08-17"\n`

    it('names each version that an advisory affects, wherever it is installed', async () => {
      const folder = await folderOf({
        'a/1.yml': advisory('CVE-1', '<1.2.0||>=1.3.0 <1.4.1'),
        'a/2.yml': advisory('CVE-2', '<1.4.0'),
        '@s/a/3.yml': advisory('GMS-3', '<=2.0.0'),
        'c/4.yml': advisory('CVE-4', '*'),
      })
      const { holes, said } = await askFolder(folder, lock)
      expect(holes).toEqual(['a 1.4.0 (CVE-1)', '@s/a 2.0.0 (GMS-3)'])
      expect(said).toBe('2 packages held against 3 advisories of theirs, the newest of 2026-08-17: 2 affected')
    })
    it('says nothing where none of the packages is known, and takes no broken advisory for a good one', async () => {
      expect((await askFolder(await folderOf({ 'c/4.yml': advisory('CVE-4', '*') }), lock)).holes).toBeNull()
      await expect(askFolder(await folderOf({ 'a/1.yml': advisory('CVE-1', 'all of them') }), lock)).rejects.toThrow('a/1.yml is no advisory')
    })
  })
})
