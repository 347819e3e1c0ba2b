import { VueQueryPlugin } from '@tanstack/vue-query'
import { mount, type VueWrapper } from '@vue/test-utils'
import type { Router } from 'vue-router'
import App from '../App.vue'
import { feedKey, type Feed } from '../feed/feed.ts'
import { meKey } from '../feed/me.ts'
import { createMessages } from '../i18n/index.ts'
import { someone } from './people.ts'

export interface MountAppOptions {
  /** In the document, for what asks where the focus is. */
  attached?: boolean
  /** Charts need a canvas: without it their place stands in for them. */
  charts?: boolean
  provide?: Record<symbol, unknown>
}

/** The whole page at the router's address, in Chinese, over a feed of the test's own; an administrator looks at it, unless `provide` says who does. */
export function mountApp(router: Router, feed: Feed, { attached = false, charts = false, provide = {} }: MountAppOptions = {}): VueWrapper {
  return mount(App, {
    ...(attached && { attachTo: document.body }),
    global: {
      plugins: [createMessages('zh-CN'), router, [VueQueryPlugin, { queryClientConfig: { defaultOptions: { queries: { networkMode: 'always' } } } }]],
      provide: { [feedKey as symbol]: feed, [meKey as symbol]: someone(), ...provide },
      ...(!charts && { stubs: { ChartBox: true } }),
    },
  })
}
