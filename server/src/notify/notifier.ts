import {
  type DueNotice,
  gatherNotices,
  loadDutyShifts,
  loadNoticeRoutes,
  loadWaitingNotices,
  makeNotice,
  noticeFailed,
  noticeSent,
  type NoticeRoute,
  type Pool,
  takeDueNotices,
} from '@yiping/db'
import type { Mailer } from './email.ts'
import { matches, onDuty } from './match.ts'
import { type Digest, planMessages } from './plan.ts'
import { postWebhook } from './webhook.ts'
import { wordsOf } from './words.ts'

export interface NotifierOptions {
  pool: Pool
  mailer: Mailer | null
  zone: string
  now: () => number
  everyMs?: number
  digest?: Digest
  /** Delays between tries, ms; after the last one a message has failed. */
  retryMs?: readonly number[]
  timeoutMs?: number
  onSent: (channel: NoticeRoute['channel'], alarms: number) => void
  onFailed: (error: unknown, what: string) => void
}

const eventsAtOnce = 2000
const minute = 60_000
const defaultDigest: Digest = { windowMs: minute, messages: 3 }
const defaultRetryMs = [5000, 30_000, 2 * minute, 10 * minute, 30 * minute, 60 * minute]
/** A fault of the message, not of the moment. */
class Undeliverable extends Error {}

/**
 * Tells people of alarms that ring. Everything is in the database: a ringing event is looked through once, goes to each route
 * that it is for as one item, items become messages (single ones, or a digest when they come thick and fast), and a message is tried until it
 * is taken or its tries are used up. A server that is killed goes on where it was; of two servers each takes what the
 * other has not.
 */
export class Notifier {
  #timer: NodeJS.Timeout | null = null
  #running: Promise<void> | null = null
  #stopped = false

  constructor(private readonly options: NotifierOptions) {}

  start(): void {
    this.#timer = setInterval(() => this.run(), this.options.everyMs ?? 1000)
  }

  /** One round; joins the one that runs. */
  run(): Promise<void> {
    this.#running ??= this.#round()
      .catch((error: unknown) => this.options.onFailed(error, 'notices'))
      .finally(() => {
        this.#running = null
      })
    return this.#running
  }

  async stop(): Promise<void> {
    this.#stopped = true
    if (this.#timer) clearInterval(this.#timer)
    await this.#running
    this.options.mailer?.stop()
  }

  async #round(): Promise<void> {
    const { pool, now, digest = defaultDigest } = this.options
    const routes = await loadNoticeRoutes(pool)
    const taken = await gatherNotices(pool, eventsAtOnce, (e) => routes.filter((r) => matches(r, e)).map((r) => r.id))
    if (routes.length === 0) return
    for (const { route, items, made } of await loadWaitingNotices(pool, now() - digest.windowMs)) {
      // More are still being gathered: they belong to the same digest.
      if (taken === eventsAtOnce) break
      for (const events of planMessages(
        items.map((i) => i.event),
        made,
        now(),
        digest,
      ))
        await makeNotice(pool, route, events)
    }
    const { timeoutMs = 10_000 } = this.options
    const due = await takeDueNotices(pool, 20, 2 * timeoutMs + minute)
    const byId = new Map(routes.map((r) => [r.id, r]))
    await Promise.all(due.map((notice) => this.#deliver(notice, byId.get(notice.route))))
    if (taken === eventsAtOnce && !this.#stopped) await this.#round()
  }

  async #deliver(notice: DueNotice, route: NoticeRoute | undefined): Promise<void> {
    const { pool, retryMs = defaultRetryMs } = this.options
    try {
      if (route === undefined) throw new Undeliverable('its route is gone')
      await this.#send(notice, route)
      await noticeSent(pool, notice.id)
      this.options.onSent(route.channel, notice.alarms.length)
    } catch (error) {
      const again = error instanceof Undeliverable ? null : (retryMs[notice.attempts - 1] ?? null)
      const why = error instanceof Error ? error.message : String(error)
      await noticeFailed(pool, notice.id, why, again)
      this.options.onFailed(error, `notice ${notice.id} to ${route?.name ?? 'nobody'}`)
    }
  }

  /** Sends one message that says it is a trial, once and now. Throws what kept it from being taken. */
  async test(route: NoticeRoute): Promise<void> {
    const at = this.options.now()
    const subject = `【测试】${route.name} test`
    const text = `一屏的测试消息，没有报警。A test message of Yiping, no alarm.`
    const message = { id: `yiping-test-${route.id}-${at}`, at, subject, text, alarms: [] }
    await this.#sendTo(route, message, route.domains.length > 0 ? route.domains : null)
  }

  #send(notice: DueNotice, route: NoticeRoute): Promise<void> {
    const message = { id: `yiping-notice-${notice.id}`, at: notice.createdAt, ...wordsOf(notice.alarms, this.options.zone), alarms: notice.alarms }
    return this.#sendTo(
      route,
      message,
      notice.alarms.map((a) => a.domain ?? 'platform'),
    )
  }

  /** `domains`: whose people on duty are meant; null: everybody's. */
  async #sendTo(
    route: NoticeRoute,
    message: { id: string; at: number; subject: string; text: string; alarms: DueNotice['alarms'] },
    domains: readonly string[] | null,
  ): Promise<void> {
    const { pool, mailer, now, timeoutMs = 10_000 } = this.options
    const { id, at, subject, text, alarms } = message
    if (route.channel === 'webhook') {
      const body = JSON.stringify({ id, at: new Date(at).toISOString(), subject, text, alarms })
      return postWebhook(route.target, { id, body, secret: route.secret, at: now(), timeoutMs })
    }
    if (mailer === null) throw new Undeliverable('no mail server is configured (SMTP_URL)')
    const shifts = route.target === '@duty' ? await loadDutyShifts(pool, now()) : []
    const to = route.target === '@duty' ? onDuty(shifts, now(), new Set(domains ?? shifts.flatMap((s) => s.domains))) : [route.target]
    if (to.length === 0) throw new Error('nobody is on duty')
    return mailer.send({ to, subject, text, id })
  }
}
