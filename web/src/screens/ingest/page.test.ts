import { flushPromises, type VueWrapper } from '@vue/test-utils'
import type { MeAnswer } from '@yiping/contract/screen'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { createMemoryHistory, createRouter } from 'vue-router'
import { createFeed, type Feed } from '../../feed/feed.ts'
import { meKey } from '../../feed/me.ts'
import { districts, registry } from '../../testing/a-city.ts'
import { FakeSocket } from '../../testing/fake-socket.ts'
import { LaidOut } from '../../testing/laid-out.ts'
import { mountApp } from '../../testing/mount-app.ts'
import { administrator, personAs, someone } from '../../testing/people.ts'
import IngestScreen from './IngestScreen.vue'

const at = '2026-11-23T10:00:00+08:00'
const status = {
  ...{ at, span: { from: '2026-11-23T04:00:00+08:00', to: at }, settledTo: at, sources: [], domains: [], gateways: [], shards: [] },
  total: { perMinute: 0, received: 0, expected: 0, delayMs: null, problems: { silent: 0, incomplete: 0, rejected: 0, conflict: 0, slow: 0 } },
  ...{ measured: { from: at, to: at, at }, waiting: { points: 0, stations: 0, lastSeenAt: null }, parts: { database: 'up', broker: 'up', ingest: 'up' } },
  minutes: { from: Date.parse(at) - 6 * 3_600_000, sources: [] },
}
let feed: Feed
let page: VueWrapper
const open = async (who: MeAnswer): Promise<string[]> => {
  const router = createRouter({
    history: createMemoryHistory(),
    routes: [
      { path: '/ingest', name: 'ingest', component: IngestScreen },
      { path: '/:rest(.*)*', component: { template: '<i />' } },
    ],
  })
  await router.push('/ingest?tab=waiting')
  page = mountApp(router, feed, { provide: { [meKey as symbol]: someone(who) } })
  await vi.advanceTimersByTimeAsync(50)
  await flushPromises()
  return page.findAll('[role="tab"]').map((tab) => `${tab.text().replace(/\d+$/, '')}${tab.attributes('aria-selected') === 'true' ? '*' : ''}`)
}
beforeEach(() => {
  vi.useFakeTimers()
  vi.stubGlobal('ResizeObserver', LaidOut)
  vi.stubGlobal('fetch', async (url: string) => {
    if (url.includes('ingest/status')) return Response.json(status)
    if (url.includes('ingest/')) return Response.json({ items: [], total: 0 })
    return Response.json(url.includes('districts') ? districts : registry)
  })
  feed = createFeed(new FakeSocket(), { reload: () => undefined, remember: () => undefined, remembered: () => null })
})
afterEach(() => {
  page.unmount()
  feed.stop()
  vi.useRealTimers()
  vi.unstubAllGlobals()
})

it('shows what waits and was refused to who sees the whole city, and nobody else', async () => {
  expect(await open(administrator)).toEqual(['站点', '拒收', '待登记*', '冲突'])
  page.unmount()
  expect(await open(personAs('operator', { districts: ['410105'] }))).toEqual(['站点*'])
})
