import { useLocalStorage } from '@vueuse/core'
import {
  defaultSettings,
  settingsOf,
  type ScreenCommand,
  type ScreenReport,
  type ScreenSelf,
  type ScreenSettings,
  type WallScene,
} from '@yiping/contract/screen'
import { computed, inject, onScopeDispose, provide, shallowRef, type ComputedRef, type InjectionKey, type ShallowRef } from 'vue'
import { version } from '../../package.json'
import { dropCredential, keepCredential, readCredential } from '../feed/credential.ts'
import { useFeed } from '../feed/feed.ts'
import { makeReport, reportMs } from './report.ts'
import { withOverrides } from './settings.ts'

/** What a device needs of the page's one socket. */
export interface DevicePort {
  on(event: string, listener: (...args: never[]) => void): unknown
  off(event: string): unknown
  emit(event: string, ...args: unknown[]): unknown
  disconnect(): unknown
  readonly connected: boolean
}
export const devicePortKey: InjectionKey<DevicePort> = Symbol('device port')

/**
 * This screen as a device:
 *
 * | state    | leaves by                          | to       | done on the way                              |
 * |----------|------------------------------------|----------|----------------------------------------------|
 * | unpaired | its code was entered               | asked    | credential kept, socket opened anew          |
 * | asked    | server knows the credential        | paired   | its settings count, reports begin            |
 * | asked    | server does not                    | dropped  | credential thrown away                       |
 * | paired   | link lost                          | paired   | goes on as it is                             |
 * | paired   | revoked                            | dropped  | credential thrown away                       |
 * | dropped  | somebody has read it, or paired it | unpaired |                                              |
 *
 * A dropped screen keeps the settings that it last had. Where somebody is signed in in its browser it says so and goes on;
 * else it shows the code by which it is paired again, and comes back to its scene.
 */
export type DeviceState = 'unpaired' | 'asked' | 'paired' | 'dropped'

export interface Message {
  text: string
  by: string
  /** Server time, epoch ms. */
  at: number
}
export interface Pushed {
  scene: WallScene
  forMs: number
}

export interface Device {
  readonly state: Readonly<ShallowRef<DeviceState>>
  readonly name: Readonly<ShallowRef<string>>
  /** As kept. */
  readonly kept: ComputedRef<ScreenSettings>
  /** In force: what the address says stands above. */
  readonly settings: ComputedRef<ScreenSettings>
  readonly message: Readonly<ShallowRef<Message | null>>
  /** The scene that an operator asked for last. */
  readonly pushed: Readonly<ShallowRef<Pushed | null>>
  /** On the server for a paired screen, else here; false when the server did not take it. */
  change(settings: ScreenSettings): Promise<boolean>
  pair(token: string): void
  /** The server does not know its credential any more. */
  drop(): void
  /** Somebody has read that it is not paired any more. */
  acknowledgeDrop(): void
}

export const deviceKey: InjectionKey<Device> = Symbol('device')
const settingsKey = 'screen-settings'
const patienceMs = 5000

export function provideDevice(query: () => Readonly<Record<string, unknown>>): Device {
  const { connection, uptimeMs, reload } = useFeed()
  const port = inject(devicePortKey, null)
  const stored = useLocalStorage<unknown>(settingsKey, defaultSettings, { serializer: { read: (text) => parse(text), write: (x) => JSON.stringify(x) } })
  const kept = computed(() => settingsOf(stored.value))
  const settings = computed(() => withOverrides(kept.value, query()))
  const state = shallowRef<DeviceState>(readCredential() === null ? 'unpaired' : 'asked')
  const name = shallowRef('')
  const message = shallowRef<Message | null>(null)
  const pushed = shallowRef<Pushed | null>(null)
  let messageTimer: ReturnType<typeof setTimeout> | undefined
  let reportTimer: ReturnType<typeof setTimeout> | undefined

  const report = async (): Promise<void> => {
    clearTimeout(reportTimer)
    if (state.value !== 'paired') return
    const made: ScreenReport = await makeReport(version, uptimeMs.value)
    if (state.value !== 'paired') return
    if (port?.connected) port.emit('report', made)
    reportTimer = setTimeout(() => void report(), reportMs)
  }

  const onSelf = (self: ScreenSelf): void => {
    if (self.paired) {
      state.value = 'paired'
      name.value = self.name
      stored.value = self.settings
      void report()
    } else {
      device.drop()
    }
  }
  const onCommand = (command: ScreenCommand, done: (answer: { done: boolean }) => void): void => {
    done({ done: true })
    if (command.kind === 'reload') return void setTimeout(() => reload.now(), 100)
    if (command.kind === 'scene') {
      pushed.value = { scene: command.scene, forMs: command.minutes * 60_000 }
      return
    }
    message.value = { text: command.text, by: command.by, at: connection.serverNow() ?? 0 }
    clearTimeout(messageTimer)
    messageTimer = setTimeout(() => (message.value = null), command.minutes * 60_000)
  }
  port?.on('screen', onSelf)
  port?.on('command', onCommand)
  onScopeDispose(() => {
    port?.off('screen')
    port?.off('command')
    clearTimeout(messageTimer)
    clearTimeout(reportTimer)
  })

  const device: Device = {
    state,
    name,
    kept,
    settings,
    message,
    pushed,
    async change(next) {
      if (state.value === 'paired') {
        const taken = await new Promise<boolean>((resolve) => {
          setTimeout(() => resolve(false), patienceMs)
          if (port?.connected) port.emit('settings', next, (answer: { stored?: unknown }) => resolve(answer.stored === true))
          else resolve(false)
        })
        if (!taken) return false
      }
      stored.value = next
      return true
    },
    pair(token) {
      keepCredential(token)
      state.value = 'asked'
      // The connection comes back by itself, and shows the credential then.
      port?.disconnect()
    },
    drop() {
      dropCredential()
      state.value = 'dropped'
    },
    acknowledgeDrop() {
      if (state.value === 'dropped') state.value = 'unpaired'
    },
  }
  provide(deviceKey, device)
  return device
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null
  }
}

export function useDevice(): Device {
  const device = inject(deviceKey)
  if (!device) throw new Error('no device provided')
  return device
}
