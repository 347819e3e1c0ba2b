import { createRouter, createWebHistory, type Router } from 'vue-router'
import { wallScenes, type Permission } from '@yiping/contract/screen'
import { domainOrder } from '../feed/registry.ts'
import WallScreen from './wall/WallScreen.vue'

declare module 'vue-router' {
  interface RouteMeta {
    /** What somebody must be allowed to open it. */
    needs?: Permission
  }
}

/** The wall comes with the first bundle; what only a desk needs is fetched when it is opened. */
export function createScreens(): Router {
  return createRouter({
    history: createWebHistory(),
    routes: [
      { path: '/', name: 'wall', component: WallScreen },
      { path: `/wall/:scene(${wallScenes.join('|')})?`, name: 'scene', component: WallScreen },
      { path: `/:domain(${domainOrder.join('|')})`, name: 'topic', component: () => import('./topic/TopicScreen.vue') },
      { path: '/alarms', name: 'alarms', component: () => import('./alarms/AlarmScreen.vue') },
      { path: '/history', name: 'history', meta: { needs: 'history' }, component: () => import('./history/HistoryScreen.vue') },
      { path: '/ingest', name: 'ingest', meta: { needs: 'sources' }, component: () => import('./ingest/IngestScreen.vue') },
      { path: '/screens', name: 'screens', meta: { needs: 'screens' }, component: () => import('./screens/ScreensScreen.vue') },
      { path: '/account', name: 'account', component: () => import('./account/AccountScreen.vue') },
      { path: '/accounts', name: 'accounts', meta: { needs: 'accounts' }, component: () => import('./accounts/AccountsScreen.vue') },
      { path: '/audit', name: 'audit', meta: { needs: 'audit' }, component: () => import('./audit/AuditScreen.vue') },
      { path: '/sign-in', name: 'sign-in', component: () => import('./sign-in/SignInScreen.vue') },
      { path: '/:rest(.*)*', name: 'nowhere', component: () => import('./NotFound.vue') },
    ],
  })
}
