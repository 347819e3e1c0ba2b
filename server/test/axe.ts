import axe from 'axe-core'
import type { Page } from 'playwright-core'

/** Serious and critical findings of axe on the page as it stands, as `rule: element`. */
export async function seriousFindings(page: Page): Promise<string[]> {
  await page.evaluate(axe.source)
  return page.evaluate<string[]>(
    `axe.run(document, { resultTypes: ['violations'] }).then((r) => r.violations.filter((v) => v.impact === 'serious' || v.impact === 'critical').flatMap((v) => v.nodes.map((n) => v.id + ': ' + n.html.slice(0, 120))))`,
  )
}
