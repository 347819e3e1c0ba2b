import { shallowRef, type ShallowRef } from 'vue'
import { codeOf } from '../../feed/rest.ts'
import type { Translate } from '../../i18n/index.ts'

const known: ReadonlySet<string> = new Set([
  ...[
    'password_wrong',
    'password_weak',
    'username_taken',
    'last_administrator',
    'account_unknown',
    'account_disabled',
    'session_unknown',
    'session_needed',
    'token_unknown',
    'district_unknown',
    'sso_unreachable',
    'sso_address',
  ],
  ...['forbidden', 'request_invalid', 'read_only', 'rate_limited', 'not_ready', 'database_unavailable', 'unreachable', 'timeout'],
])
/** Why something was refused, in words; what has none, by its code. */
export const refusalText = (error: unknown, t: Translate): string => {
  const code = codeOf(error)
  return t('account.refused', { why: known.has(code) ? t(`account.why.${code}`) : code })
}

export interface Attempt {
  readonly busy: Readonly<ShallowRef<boolean>>
  /** How the last one went. */
  readonly said: ShallowRef<string>
  readonly failed: Readonly<ShallowRef<boolean>>
  /** Does it and says how it went; true when it was done. */
  run: (work: () => Promise<unknown>, done?: string) => Promise<boolean>
}

export function useAttempt(t: Translate, readAgain: () => Promise<unknown> = async () => undefined): Attempt {
  const busy = shallowRef(false)
  const said = shallowRef('')
  const failed = shallowRef(false)
  return {
    busy,
    said,
    failed,
    async run(work, done = '') {
      busy.value = true
      try {
        await work()
        said.value = done
        failed.value = false
        return true
      } catch (error) {
        said.value = refusalText(error, t)
        failed.value = true
        return false
      } finally {
        busy.value = false
        await readAgain()
      }
    },
  }
}
