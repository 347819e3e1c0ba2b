import type { MeAnswer, Permission } from '@yiping/contract/screen'
import { inject, shallowRef, type InjectionKey, type ShallowRef } from 'vue'
import { dropCredential, readCredential } from './credential.ts'
import { backoffMs } from './link.ts'
import { codeOf, onRefusal, rest } from './rest.ts'

/**
 * Who looks at this page. Only the server's own word takes somebody's page away; a server that is away does not.
 *
 * | standing  | event                                       | next      | done on the way                            |
 * |-----------|---------------------------------------------|-----------|--------------------------------------------|
 * | asking    | the server knows them                       | in        |                                            |
 * | asking    | 401 `signed_out`                            | out       |                                            |
 * | asking    | no answer, another one, or none for 3 s     | unreached | asked again, later and later               |
 * | any       | 401 `credential_unknown`                    | same      | credential thrown away, asked again        |
 * | in        | a request or the socket was refused         | same      | asked again: 401 `signed_out` only is out  |
 * | in        | asked again, and no answer                  | in        | asked again, later and later               |
 * | unreached | the server knows them                       | in        |                                            |
 * | unreached | 401 `signed_out`                            | out       |                                            |
 * | out       | signed in here, in another window, or paired | in       |                                            |
 * | in        | signs out                                   | out       | on to the provider whose sign-in it was    |
 *
 * The session itself is a cookie that no script sees.
 */
export type Standing = 'asking' | 'in' | 'out' | 'unreached'

export interface Me {
  readonly standing: Readonly<ShallowRef<Standing>>
  readonly who: Readonly<ShallowRef<MeAnswer | null>>
  /** Counts credentials of this screen that the server did not know any more. */
  readonly revoked: Readonly<ShallowRef<number>>
  /** Whether who was here last went by their own wish: then nobody has to come back to their page. */
  readonly left: Readonly<ShallowRef<boolean>>
  /** Nobody may anything as long as it is not known who they are. */
  may(permission: Permission): boolean
  /** Asks the server who this is: what is under way already answers for all who ask. */
  check(): Promise<void>
  /** The server's answer to signing in. */
  enter(answer: MeAnswer): void
  signOut(): Promise<void>
}

export const meKey: InjectionKey<Me> = Symbol('me')
/** A server that does not answer keeps no page from coming up. */
const patienceMs = 3000
const doubtMs = 30_000

export function createMe(random: () => number = Math.random, leaveFor = (address: string): void => window.location.assign(address)): Me & { stop(): void } {
  const standing = shallowRef<Standing>('asking')
  const who = shallowRef<MeAnswer | null>(null)
  const revoked = shallowRef(0)
  const left = shallowRef(false)
  let underWay: Promise<void> | null = null
  let retry: ReturnType<typeof setTimeout> | undefined
  let attempt = 0
  /** Of the newest word on who this is: an answer to an older question says nothing. */
  let word = 0

  const settle = (next: Standing, answer: MeAnswer | null): void => {
    word++
    attempt = 0
    clearTimeout(retry)
    if (next === 'in') left.value = false
    who.value = answer
    standing.value = next
  }
  const ask = async (): Promise<void> => {
    const asked = word
    try {
      const answer = await rest.me()
      if (asked === word) settle('in', answer)
    } catch (error) {
      if (asked !== word) return
      const code = codeOf(error)
      if (code === 'signed_out') return settle('out', null)
      if (code === 'credential_unknown' && readCredential() !== null) {
        dropCredential()
        revoked.value++
        return ask()
      }
      if (standing.value === 'asking') standing.value = 'unreached'
      clearTimeout(retry)
      retry = setTimeout(() => void me.check(), backoffMs(attempt++, random()))
    }
  }
  const me = {
    standing,
    who,
    revoked,
    left,
    may: (permission: Permission) => who.value?.permissions.includes(permission) ?? false,
    check() {
      clearTimeout(retry)
      underWay ??= ask().finally(() => {
        underWay = null
      })
      return underWay
    },
    enter: (answer: MeAnswer) => settle('in', answer),
    async signOut() {
      let elsewhere: string | null = null
      try {
        elsewhere = (await rest.signOut())?.location ?? null
      } catch (error) {
        if (codeOf(error) !== 'signed_out') throw error
      }
      left.value = true
      settle('out', null)
      if (elsewhere !== null) leaveFor(elsewhere)
    },
    stop() {
      word++
      clearTimeout(retry)
      clearTimeout(patience)
      deafen()
    },
  }
  const patience = setTimeout(() => {
    if (standing.value === 'asking') standing.value = 'unreached'
  }, patienceMs)
  /** When a refusal by right was last asked about, ms: a list that is read again and again is refused again and again. */
  let doubtedAt = Number.NEGATIVE_INFINITY
  // What somebody may has changed, or who they are.
  const deafen = onRefusal((code) => {
    if (standing.value === 'out') return
    if (code === 'signed_out' || code === 'credential_unknown') void me.check()
    if (code !== 'forbidden' || performance.now() - doubtedAt < doubtMs) return
    doubtedAt = performance.now()
    void me.check()
  })
  void me.check()
  return me
}

/** Who acts within some utilities acts on no alarm of others, nor on one of the platform's. */
export const actsOn = (who: MeAnswer | null, domain: string | null): boolean =>
  who !== null && (who.domains === null || (domain !== null && who.domains.some((d) => d === domain)))

export function useMe(): Me {
  const me = inject(meKey)
  if (!me) throw new Error('nobody provided')
  return me
}
