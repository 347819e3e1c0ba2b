import type { Browser, Page } from 'playwright-core'
import { signIn } from '../../server/test/signed-in.ts'
import type { Scope } from '../scope.ts'

/** A page of its own with an empty cache, as large as the wall. */
export async function openPage(scope: Scope, browser: Browser, address: string | null): Promise<Page> {
  const context = await browser.newContext({ viewport: { width: 1920, height: 1080 }, locale: 'zh-CN' })
  scope.defer('page', () => context.close())
  // What turns our TypeScript into JavaScript marks functions by this name; a page that is given one does not know it.
  await context.addInitScript('globalThis.__name ??= (f) => f')
  if (address !== null) await signIn(context, address)
  return context.newPage()
}
