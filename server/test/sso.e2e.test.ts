import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { App } from '../src/app.ts'
import { seriousFindings } from './axe.ts'
import { launchChromium } from './chromium.ts'
import { startProvider, type TestProvider } from './oidc.ts'
import { startServer, webFolder } from './running.ts'

let database: TestDatabase
let provider: TestProvider
let app: App
let address: string
let browser: Browser
const faults: string[] = []

const open = async (path: string): Promise<Page> => {
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'zh-CN' })).newPage()
  page.on('pageerror', (e) => faults.push(e.message))
  // The provider's forms ask for a font of the internet's.
  await page.route(/^https:/, (route) => route.abort())
  await page.goto(`${address}${path}`)
  return page
}
const atProvider = async (page: Page, person: string): Promise<void> => {
  await page.waitForURL(`${provider.issuer}/**`)
  await page.getByPlaceholder('Enter any login').fill(person)
  await page.getByPlaceholder('and password').fill('any')
  await page.getByRole('button', { name: 'Sign-in' }).click()
  await page.getByRole('button', { name: 'Continue' }).click()
}

beforeAll(async () => {
  database = await freshDatabase()
  // Of another site than 127.0.0.1, as providers are: a strict cookie is not sent along the way back.
  provider = await startProvider('localhost')
  ;({ app, address } = await startServer(database.url, { webFolder, sso: provider.settings }))
  await provider.up(address)
  provider.people.set('wang', { preferred_username: 'wang.lei', name: '王磊', groups: ['yiping-duty'] })
  provider.people.set('guest', { preferred_username: 'guest', name: '来客', groups: [] })
  browser = await launchChromium()
})
afterAll(async () => {
  await browser?.close()
  await app?.stop()
  await provider?.stop()
  await database?.stop()
})

it('somebody comes in by single sign-on from the keyboard, lands on the page that was asked for, stays in, and goes out at both', async () => {
  const page = await open('/alarms?q=x')
  const button = page.getByRole('link', { name: '用政务统一认证登录' })
  await button.waitFor()
  expect(await seriousFindings(page)).toEqual([])
  await page.getByLabel('密码').focus()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  expect(await button.evaluate((e) => e === e.ownerDocument.activeElement)).toBe(true)
  await page.keyboard.press('Enter')
  await atProvider(page, 'wang')
  await page.locator('.desk .clock time', { hasText: /\d\d:\d\d:\d\d/ }).waitFor()
  expect(page.url()).toBe(`${address}/alarms?q=x`)
  expect(await page.evaluate('document.cookie + JSON.stringify(Object.keys(localStorage))')).not.toMatch(/yiping_|session|token/)
  await page.reload()
  await page.locator('.desk .clock time', { hasText: /\d\d:\d\d:\d\d/ }).waitFor()

  await page.goto(`${address}/account`)
  await page.getByText('已关联，可用它登录').waitFor()
  expect(await seriousFindings(page)).toEqual([])
  await page.locator('header .who').click()
  await page.getByRole('button', { name: '退出登录' }).click()
  await page.waitForURL(`${provider.issuer}/**`)
  await page.getByRole('button', { name: 'yes' }).click()
  await page.waitForURL(`${address}/sign-in**`)
  // Nobody is signed in at the provider either: the next one at this desk is asked who they are.
  await page.getByRole('link', { name: '用政务统一认证登录' }).click()
  await atProvider(page, 'wang')
  await page.waitForURL(`${address}/`)
  expect(faults).toEqual([])
})

it('who has no role is told so at the door, in the language of the page, and can still come in otherwise', async () => {
  const page = await open('/sign-in?next=/history')
  await page.getByRole('link', { name: '用政务统一认证登录' }).click()
  await atProvider(page, 'guest')
  await page.getByRole('alert').getByText('您的身份在这里没有角色').waitFor()
  expect(await seriousFindings(page)).toEqual([])
  await page.getByRole('button', { name: 'EN' }).click()
  await page.getByText('Sign in with 政务统一认证').waitFor()
  expect(new URL(page.url()).searchParams.get('next')).toBe('/history')
  await page.getByLabel('Username').waitFor()
})
