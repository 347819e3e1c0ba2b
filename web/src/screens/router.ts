import { createRouter, createWebHistory, type Router } from 'vue-router'
import { wallScenes } from '@yiping/contract/screen'
import { domainOrder } from '../feed/registry.ts'
import WallScreen from './wall/WallScreen.vue'

/** The wall comes with the first bundle; what only a desk needs is fetched when it is opened. */
export function createScreens(): Router {
  return createRouter({
    history: createWebHistory(),
    routes: [
      { path: '/', name: 'wall', component: WallScreen },
      { path: `/wall/:scene(${wallScenes.join('|')})?`, name: 'scene', component: WallScreen },
      { path: `/:domain(${domainOrder.join('|')})`, name: 'topic', component: () => import('./topic/TopicScreen.vue') },
      { path: '/alarms', name: 'alarms', component: () => import('./alarms/AlarmScreen.vue') },
      { path: '/history', name: 'history', component: () => import('./history/HistoryScreen.vue') },
      { path: '/ingest', name: 'ingest', component: () => import('./ingest/IngestScreen.vue') },
      { path: '/screens', name: 'screens', component: () => import('./screens/ScreensScreen.vue') },
      { path: '/:rest(.*)*', name: 'nowhere', component: () => import('./NotFound.vue') },
    ],
  })
}
