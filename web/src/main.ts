import { VueQueryPlugin } from '@tanstack/vue-query'
import { createApp } from 'vue'
import App from './App.vue'
import { devicePortKey } from './device/device.ts'
import { createFeed, feedKey, openSocket } from './feed/feed.ts'
import { createMe, meKey } from './feed/me.ts'
import { languageOf } from './format/number.ts'
import { createMessages } from './i18n/index.ts'
import { journeyIn } from './panels/time/travel.ts'
import { createScreens } from './screens/router.ts'
import './theme/base.css'

const asked = new URLSearchParams(location.search)
const language = languageOf(asked.get('lang'))
document.documentElement.lang = language

// Asked together: a wall does not wait for the one before it has the other.
const me = createMe()
const socket = openSocket()
const feed = createFeed(socket, undefined, () => void me.check())
// Before the first connection: a link to a moment shows nothing of now first.
const journey = journeyIn(asked)
if (journey !== null) feed.connection.travel(journey)
createApp(App)
  .provide(meKey, me)
  .provide(feedKey, feed)
  .provide(devicePortKey, socket)
  .use(createMessages(language))
  .use(createScreens())
  .use(VueQueryPlugin, { queryClientConfig: { defaultOptions: { queries: { refetchOnWindowFocus: false, networkMode: 'always' } } } })
  .mount('#app')
