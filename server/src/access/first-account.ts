import { isRetryable, isSchemaMissing } from '@yiping/db'
import type { Accounts } from './accounts.ts'

/** What the one who starts it for the first time must be told; without password and link it is the one that they gave. */
export interface FirstAccount {
  username: string
  password?: string
  link?: string
}

export const signInAddress = (address: string, token: string): string => `${address}/sign-in#${token}`

/** In lines, for a terminal. */
export function firstAccountText({ username, password, link }: FirstAccount, address: string): string[] {
  if (password === undefined || link === undefined) return [`the first account is ${username}, with the password of ADMIN_PASSWORD`]
  return [
    `sign in with  ${signInAddress(address, link)}`,
    `              good for once, within a day; afterwards as ${username} with the password ${password} (told this once)`,
  ]
}

const retryMs = 500

/** Makes the first administrator as soon as there is a schema to put it in; says it when this process was the one that did. */
export function makeFirstAccount(
  accounts: Accounts,
  password: string | null,
  tell: (first: FirstAccount) => void,
  log: { warn: (o: object, m: string) => void; error: (o: object, m: string) => void },
): { done: Promise<void>; stop: () => Promise<void> } {
  let stopped = false
  let wake = (): void => {}
  const work = async (): Promise<void> => {
    while (!stopped) {
      try {
        const first = await accounts.first(password)
        if (first !== null) tell(first)
        return
      } catch (error) {
        if (!isSchemaMissing(error)) {
          if (!isRetryable(error)) return log.error({ err: String(error) }, 'the first account could not be made')
          log.warn({ err: String(error) }, 'whether there is an account could not be asked, trying again')
        }
        await new Promise<void>((resolve) => {
          const timer = setTimeout(resolve, retryMs)
          wake = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
    }
  }
  const done = work()
  return {
    done,
    stop: async () => {
      stopped = true
      wake()
      await done
    },
  }
}
