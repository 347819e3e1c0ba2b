import { parseTime } from '@yiping/contract/screen'
import { computed, onMounted, onScopeDispose, shallowRef, type ComputedRef, type ShallowRef } from 'vue'
import { useFeed } from '../feed/feed.ts'
import { codeOf, rest, RestError } from '../feed/rest.ts'
import { stopwatch } from '../format/age.ts'
import { useDevice } from './device.ts'

/**
 * | shows    | leaves by                       | to      |
 * |----------|---------------------------------|---------|
 * | asking   | a code came                     | code    |
 * | asking   | none came                       | waiting |
 * | code     | an operator has entered it      | paired  |
 * | code     | it is over, or was guessed at   | asking  |
 * | waiting  | half a minute has passed        | asking  |
 *
 * A screen that is paired already asks for nothing.
 */
export interface Pairing {
  readonly paired: ComputedRef<boolean>
  /** Six digits in two groups; empty while there are none. */
  readonly digits: ComputedRef<string>
  /** How long they are good for; empty without a server's clock. */
  readonly left: ComputedRef<string>
  /** Why there are none, as a code. */
  readonly failed: Readonly<ShallowRef<string>>
}

const pollMs = 2000
const againMs = 30_000

/** `done`: its code was entered, and some seconds have passed to read that. */
export function usePairing(done: () => void, readMs = 4000): Pairing {
  const device = useDevice()
  const { connection, now } = useFeed()
  const code = shallowRef<{ code: string; secret: string; expiresAt: number } | null>(null)
  const failed = shallowRef('')
  let timer: ReturnType<typeof setTimeout> | undefined
  let over = false
  const later = (what: () => Promise<void>, ms: number): void => {
    if (!over) timer = setTimeout(() => void what(), ms)
  }

  const askForCode = async (): Promise<void> => {
    code.value = null
    try {
      const { code: digits, secret, expiresAt } = await rest.askForCode()
      failed.value = ''
      code.value = { code: digits, secret, expiresAt: parseTime(expiresAt) ?? 0 }
      later(poll, pollMs)
    } catch (error) {
      failed.value = codeOf(error)
      later(askForCode, againMs)
    }
  }
  const poll = async (): Promise<void> => {
    if (code.value === null || over) return
    try {
      const answer = await rest.claim(code.value.secret)
      if (over) return
      if (answer.token !== undefined) {
        device.pair(answer.token)
        later(async () => done(), readMs)
        return
      }
    } catch (error) {
      if (error instanceof RestError && error.code === 'code_unknown') return askForCode()
    }
    later(poll, pollMs)
  }
  const paired = computed(() => device.state.value === 'paired' || device.state.value === 'asked')
  onMounted(() => {
    if (!paired.value) void askForCode()
  })
  onScopeDispose(() => {
    over = true
    clearTimeout(timer)
  })
  return {
    paired,
    failed,
    digits: computed(() => (code.value === null ? '' : `${code.value.code.slice(0, 3)}\u2009${code.value.code.slice(3)}`)),
    left: computed(() => {
      void now.value
      const at = connection.serverNow()
      return code.value === null || at === null ? '' : stopwatch(code.value.expiresAt - at)
    }),
  }
}
