import { createPool, type Pool, seedStations } from '@yiping/db'
import { freshDatabase, type TestDatabase } from '@yiping/db/testing'
import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { App } from '../src/app.ts'
import { seriousFindings } from './axe.ts'
import { launchChromium } from './chromium.ts'
import { startServer, webFolder } from './running.ts'
import { fetch } from './signed-in.ts'

const password = 'a password of this test'
let database: TestDatabase
let pool: Pool
let app: App
let address: string
let browser: Browser
const faults: string[] = []

/** A browser of its own, with what one keeps and nobody else has. */
const open = async (path: string): Promise<Page> => {
  const page = await (await browser.newContext({ viewport: { width: 1440, height: 900 }, locale: 'zh-CN' })).newPage()
  page.on('pageerror', (e) => faults.push(e.message))
  await page.goto(`${address}${path}`)
  return page
}
const signIn = async (page: Page, username: string, secret: string): Promise<void> => {
  await page.getByLabel('用户名').fill(username)
  await page.getByLabel('密码').fill(secret)
  await page.getByRole('button', { name: '登录', exact: true }).click()
}
const at = (page: Page): string => page.url().slice(address.length)

beforeAll(async () => {
  database = await freshDatabase()
  pool = createPool({ connectionString: database.url, applicationName: 'test' })
  await seedStations(pool, [
    {
      ...{ code: 'S-1', name: '金水区 文化路 1#', kind: 'ws_pressure', domain: 'water', district: '410105' },
      ...{ lon: 113.7, lat: 34.8, gateway: null, origin: null, metrics: ['ws.pressure'] },
    },
  ])
  ;({ app, address } = await startServer(database.url, { webFolder }))
  const admin = { username: 'admin', name: '王班长', roles: ['administrator'], districts: null, domains: null, password }
  const made = await fetch(`${address}/api/v1/accounts`, { method: 'POST', headers: { 'content-type': 'application/json' }, body: JSON.stringify(admin) })
  expect(made.status).toBe(201)
  browser = await launchChromium()
})
afterAll(async () => {
  await browser?.close()
  await app?.stop()
  await pool?.end()
  await database?.stop()
})

it('the door keeps everybody out who is not known, says why, and opens to the page that was asked for', async () => {
  const page = await open('/alarms?q=x')
  await page.waitForURL('**/sign-in?**')
  expect(await seriousFindings(page)).toEqual([])
  await signIn(page, 'admin', 'not the password')
  await page.getByRole('alert').getByText('用户名或密码不对').waitFor()
  await signIn(page, 'ADMIN', password)
  await page.locator('.desk .clock time', { hasText: /\d\d:\d\d:\d\d/ }).waitFor()
  expect(at(page)).toBe('/alarms?q=x')
  // No script has anything by which somebody else could be them.
  expect(await page.evaluate('document.cookie + JSON.stringify(Object.keys(localStorage))')).not.toMatch(/session|token|credential/)
  await page.reload()
  await page.locator('.desk .clock time', { hasText: /\d\d:\d\d:\d\d/ }).waitFor()
})

it('an account is made, comes in by its link once, is offered what it may, and is shut out everywhere at once', async () => {
  const desk = await open('/sign-in?next=/accounts')
  await signIn(desk, 'admin', password)
  await desk.getByRole('button', { name: '新建账号' }).click()
  expect(await seriousFindings(desk)).toEqual([])
  await desk.getByLabel('用户名', { exact: true }).fill('li.na')
  await desk.getByLabel('姓名', { exact: true }).fill('李娜')
  await desk.getByRole('button', { name: '新建', exact: true }).click()
  const link = await desk.getByLabel('“李娜”的登录链接').inputValue()
  expect(link).toMatch(/\/sign-in#\S{20,}$/)

  const person = await open(link.slice(link.indexOf('/sign-in')))
  await person.waitForURL(`${address}/`)
  await person.goto(`${address}/audit`)
  await person.getByRole('heading', { name: '这一页需要另外的权限' }).waitFor()
  expect(await seriousFindings(person)).toEqual([])
  expect(await person.locator('header nav a').allInnerTexts()).not.toContain('历史')
  await person.goto(`${address}/alarms`)
  await person.locator('.desk .clock time', { hasText: /\d\d:\d\d:\d\d/ }).waitFor()

  const late = await open(link.slice(link.indexOf('/sign-in')))
  await late.getByRole('alert').getByText('已用过或已过期').waitFor()
  expect(late.url()).not.toContain('#')

  await desk.getByRole('button', { name: '结束登录' }).click()
  await person.waitForURL('**/sign-in?next=/alarms')

  await desk.goto(`${address}/audit?action=account`)
  await desk.getByRole('cell', { name: '令账号各处退出' }).waitFor()
  expect((await desk.locator('.sheet tbody td:nth-child(3)').allInnerTexts()).slice(0, 3)).toEqual(['令账号各处退出', '生成登录链接', '新建账号'])
  expect(await seriousFindings(desk)).toEqual([])
})

it('a screen whose credential is gone shows the code by which it is paired again, and comes back to its scene', async () => {
  const wall = await open('/wall/water?pair')
  const code = wall.locator('.code').filter({ hasText: /\d{3}\s\d{3}/ })
  const desk = await open('/sign-in?next=/screens')
  await signIn(desk, 'admin', password)
  const pair = async (): Promise<void> => {
    await desk.getByLabel('配对码').fill((await code.innerText()).replace(/\D/g, ''))
    await desk.getByLabel('名称', { exact: true }).first().fill('指挥大厅')
    await desk.getByRole('button', { name: '配对', exact: true }).click()
    await wall.locator('.wall.utility').waitFor()
  }
  await pair()
  await desk.locator('tr', { hasText: '指挥大厅' }).getByText('在线').waitFor()
  await desk.getByRole('button', { name: '撤销配对' }).click()
  await desk.getByRole('button', { name: '撤销配对' }).last().click()
  await wall.getByText('本屏的配对已被撤销').waitFor()
  await pair()
  expect(at(wall)).toMatch(/^\/wall\/water/)
  expect(faults).toEqual([])
})
