import { io, type Socket } from 'socket.io-client'
import type { AlarmCells, AlarmSummaryCells, DomainCode, DomainCells, OverviewCells, Room, StationCells } from '@yiping/contract/screen'
import { computed, inject, shallowRef, toValue, watch, type ComputedRef, type InjectionKey, type MaybeRefOrGetter, type ShallowRef } from 'vue'
import { createCells, type Cells } from './cells.ts'
import { readCredential } from './credential.ts'
import { createConnection, type Connection, type SocketPort } from './connection.ts'
import { createReload, type Reload, type ReloadPort } from './reload.ts'

/** Everything that a screen draws from: cells, link, and one clock that ticks once a second for all ages. */
export interface Feed {
  cells: Cells
  connection: Connection
  /**
   * The moment that the cells are of, epoch ms, moved once a second: the server's now, or the past moment that the page
   * travels in; null before the first heartbeat. Local time never stands in for it.
   */
  now: Readonly<ShallowRef<number | null>>
  /** How long this page has been open, ms. */
  uptimeMs: Readonly<ShallowRef<number>>
  reload: Reload
  stop(): void
}

export const feedKey: InjectionKey<Feed> = Symbol('feed')

/** Before the next paint; a hidden page has no paints, so a timer stands in and frames still get acknowledged. */
export const beforePaint = (flush: () => void): void => {
  let ran = false
  const once = (): void => {
    if (ran) return
    ran = true
    clearTimeout(timer)
    flush()
  }
  const timer = setTimeout(once, 500)
  requestAnimationFrame(once)
}

const reloadPort: ReloadPort = {
  reload: () => location.reload(),
  remember: (reason) => sessionStorage.setItem('reloadedFor', reason),
  remembered: () => sessionStorage.getItem('reloadedFor'),
}

/** Each connection shows the credential that the screen has then, if any. */
export const openSocket = (): Socket =>
  io({
    transports: ['websocket'],
    reconnection: false,
    autoConnect: false,
    timeout: 8000,
    auth: (show) => show(readCredential() === null ? {} : { token: readCredential() }),
  })

export function createFeed(socket: SocketPort = openSocket(), port: ReloadPort = reloadPort, onRefused?: (code: string) => void): Feed {
  const cells = createCells(beforePaint)
  const reload = createReload(port)
  const connection = createConnection({
    socket,
    cells,
    onVersion: (version) => reload.want({ kind: 'version', version }),
    onForeign: () => reload.want({ kind: 'protocol' }),
    ...(onRefused && { onRefused }),
  })

  const now = shallowRef<number | null>(null)
  const uptimeMs = shallowRef(0)
  const opened = performance.now()
  let ticker: ReturnType<typeof setTimeout> | undefined

  const tick = (): void => {
    clearTimeout(ticker)
    const at = connection.serverNow()
    now.value = connection.moment.value?.at ?? at
    const local = performance.now()
    uptimeMs.value = local - opened
    reload.look(local, uptimeMs.value)
    // On the server's full second, so that all walls of a room tick together.
    ticker = setTimeout(tick, 1000 - ((at ?? local) % 1000) + 5)
  }

  const touched = (): void => {
    reload.touched(performance.now())
  }
  const inputs = ['pointerdown', 'keydown', 'wheel'] as const
  for (const input of inputs) addEventListener(input, touched, { passive: true })

  const visible = (): void => {
    if (document.visibilityState !== 'visible') return
    connection.resync()
    tick()
  }
  document.addEventListener('visibilitychange', visible)

  // The first heartbeat, or the first after a cut, sets the clock at once; so does another moment.
  const unwatch = watch([connection.link, connection.moment], ([link]) => link === 'live' && tick(), { flush: 'sync' })

  connection.start()
  tick()

  return {
    cells,
    connection,
    now,
    uptimeMs,
    reload,
    stop() {
      unwatch()
      clearTimeout(ticker)
      for (const input of inputs) removeEventListener(input, touched)
      document.removeEventListener('visibilitychange', visible)
      connection.stop()
    },
  }
}

export function useFeed(): Feed {
  const feed = inject(feedKey)
  if (!feed) throw new Error('no feed provided')
  return feed
}

/** Holds the room while the component lives. */
export function useRoom(room: MaybeRefOrGetter<Room | null>): void {
  const { connection } = useFeed()
  // A watch, not an effect: what joining touches must not become a reason to join again.
  watch(
    () => toValue(room),
    (r, _before, onCleanup) => {
      if (r !== null) onCleanup(connection.join(r))
    },
    { immediate: true },
  )
}

export type CellsOf<R extends Room> = R extends 'overview'
  ? OverviewCells
  : R extends 'alarms'
    ? AlarmCells
    : R extends 'alarm-summary'
      ? AlarmSummaryCells
      : R extends `domain:${DomainCode}`
        ? DomainCells
        : StationCells

/** One cell; undefined while the room has none. */
export function useCell<R extends Room, K extends keyof CellsOf<R> & string>(
  room: MaybeRefOrGetter<R>,
  key: MaybeRefOrGetter<K>,
): ComputedRef<CellsOf<R>[K] | undefined> {
  const { cells } = useFeed()
  return computed(() => cells.cell(toValue(room), toValue(key)).value as CellsOf<R>[K] | undefined)
}

/** All cells of one kind, without their prefix; a new array whenever one of them changed. */
export function useCells<T>(room: MaybeRefOrGetter<Room>, prefix: string): ComputedRef<[string, T][]> {
  const { cells } = useFeed()
  return computed(() => {
    const r = toValue(room)
    void cells.revision(r, prefix).value
    const out: [string, T][] = []
    for (const [key, value] of cells.entries(r, prefix)) out.push([key.slice(prefix.length), value as T])
    return out
  })
}
