import { VueQueryPlugin } from '@tanstack/vue-query'
import { flushPromises, mount, type VueWrapper } from '@vue/test-utils'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter, type Router } from 'vue-router'
import App from '../../App.vue'
import { createFeed, feedKey, type Feed } from '../../feed/feed.ts'
import { meKey } from '../../feed/me.ts'
import { createMessages } from '../../i18n/index.ts'
import { FakeSocket } from '../../testing/fake-socket.ts'
import { someone } from '../../testing/people.ts'
import { dayLine, marksOn, momentAt, shareOf } from './day-line.ts'
import { journeyIn } from './travel.ts'

const zone = 'Asia/Shanghai'
const now = Date.parse('2026-11-25T20:00:00+08:00')

describe('the line of a day', () => {
  it('runs from local midnight to local midnight, also where a day has 25 hours', () => {
    const line = dayLine(now, zone)
    expect([new Date(line.from).toISOString(), line.to - line.from]).toEqual(['2026-11-24T16:00:00.000Z', 86_400_000])
    expect(shareOf(now, line)).toBeCloseTo(20 / 24)
    const long = dayLine(Date.parse('2026-10-25T12:00:00Z'), 'Europe/Berlin')
    expect(long.to - long.from).toBe(25 * 3_600_000)
    expect(long.hours.at(-1)?.share).toBeCloseTo(24 / 25)
  })
  it('finds the minute under a pointer, and none that is to come', () => {
    const line = dayLine(now, zone)
    expect(momentAt(0.5, line, now)).toBe(line.from + 43_200_000)
    expect(momentAt(1, line, now)).toBe(now)
    expect(momentAt(-3, line, now)).toBe(line.from)
  })
  it('lets the worst alarm of a place stand for the others, drawn above the rest', () => {
    const line = dayLine(now, zone)
    const at = (minutes: number) => line.from + minutes * 60_000
    const marks = marksOn(line, [
      { id: 'a', activeAt: at(60), severity: 3 },
      { id: 'b', activeAt: at(61), severity: 1 },
      { id: 'c', activeAt: at(600), severity: 4 },
      { id: 'x', activeAt: at(-60), severity: 1 },
    ])
    expect(marks.map((m) => m.id)).toEqual(['c', 'b'])
  })
})

describe('a link to a moment', () => {
  it('carries the moment with its offset, and a speed within bounds', () => {
    expect(journeyIn(new URLSearchParams({ at: '2026-11-25T08:00:00+08:00', speed: '60' }))).toEqual({ at: Date.parse('2026-11-25T00:00:00Z'), speed: 60 })
    expect(journeyIn(new URLSearchParams({ at: '2026-11-25T08:00:00+08:00', speed: '9999' }))?.speed).toBe(300)
    expect(journeyIn(new URLSearchParams({ at: '2026-11-25T08:00:00+08:00' }))?.speed).toBe(0)
    expect(journeyIn(new URLSearchParams({ at: 'yesterday' }))).toBeNull()
  })
})

describe('the page in the past', () => {
  let socket: FakeSocket
  let feed: Feed
  let page: VueWrapper
  let router: Router
  const key = (name: string): void => void document.body.dispatchEvent(new KeyboardEvent('keydown', { key: name, bubbles: true }))
  beforeEach(async () => {
    vi.stubGlobal('fetch', async (url: string) =>
      url.includes('alarms')
        ? Response.json({ items: [{ id: 'a1', activeAt: '2026-11-25T08:00:00+08:00', severity: 2 }], nextCursor: null })
        : Response.json({ code: 'x' }, { status: 503 }),
    )
    socket = new FakeSocket()
    feed = createFeed(socket, { reload: () => undefined, remember: () => undefined, remembered: () => null })
    router = createRouter({ history: createMemoryHistory(), routes: [{ path: '/', name: 'wall', component: { template: '<main>{{ 1 }}</main>' } }] })
    await router.push('/')
    page = mount(App, {
      attachTo: document.body,
      global: { plugins: [createMessages('zh-CN'), router, VueQueryPlugin], provide: { [feedKey as symbol]: feed, [meKey as symbol]: someone() } },
    })
    socket.beat(now)
    await flushPromises()
  })
  afterEach(() => {
    page.unmount()
    feed.stop()
    vi.unstubAllGlobals()
  })

  it('says loudly that it is not live, has the moment in its address, and is live again with one key', async () => {
    expect(page.find('.replay').exists()).toBe(false)
    key('t')
    await vi.waitFor(() => expect(page.find('.time').exists()).toBe(true))
    await page.get('.time input').setValue('2026-11-25 08:30')
    await flushPromises()
    const at = Date.parse('2026-11-25T08:30:00+08:00')
    expect(socket.travelled.at(-1)).toEqual({ at, speed: 0 })
    expect(page.get('.replay').text()).toContain('正在读取那一刻')
    socket.moment(at, 0)
    await flushPromises()
    expect(feed.now.value).toBe(at)
    expect(page.get('.replay').text()).toMatch(/回放.*11月25日 周三.*08:30:00.*已暂停.*不是实时/)
    expect(router.currentRoute.value.query.at).toBe('2026-11-25T08:30:00+08:00')
    await vi.waitFor(() => expect(page.findAll('.time .alarm.s2')).toHaveLength(1))
    key(' ')
    expect(socket.travelled.at(-1)).toEqual({ speed: 60 })
    key('l')
    await flushPromises()
    expect(socket.travelled.at(-1)).toEqual({ live: true })
    expect(page.find('.replay').exists()).toBe(false)
    expect(router.currentRoute.value.query.at).toBeUndefined()
    expect(feed.now.value).toBeGreaterThanOrEqual(now)
  })

  it('takes no moment that is none or still to come, and says so', async () => {
    key('t')
    await vi.waitFor(() => expect(page.find('.time').exists()).toBe(true))
    for (const text of ['morgen', '2026-11-25 23:30']) {
      await page.get('.time input').setValue(text)
      expect(page.get('.time [role=alert]').text()).toContain('过去的时刻')
    }
    expect(socket.travelled).toEqual([])
  })

  it('moves by minutes and hours with the keys of a slider', async () => {
    feed.connection.travel({ at: now - 3_600_000, speed: 0 })
    socket.moment(now - 3_600_000, 0)
    await vi.waitFor(() => expect(page.find('.time').exists()).toBe(true)).catch(() => key('t'))
    await vi.waitFor(() => expect(page.find('.track').exists()).toBe(true))
    await page.get('.track').trigger('keydown', { key: 'ArrowLeft' })
    expect(socket.travelled.at(-1)).toEqual({ at: now - 3_660_000, speed: 0 })
    await page.get('.track').trigger('keydown', { key: 'PageUp', shiftKey: true })
    expect(socket.travelled.at(-1)).toEqual({ live: true })
  })
})
