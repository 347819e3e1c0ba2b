import { readCredential } from './credential.ts'
import type {
  AccountAnswer,
  AccountEdit,
  AccountsAnswer,
  AuditAnswer,
  NewAccount,
  NewTokenAnswer,
  PasswordEdit,
  SessionsAnswer,
  SignInLinkAnswer,
  TokenRequest,
  TokensAnswer,
  ActivateRuleRequest,
  AlarmAction,
  AlarmActionRequest,
  AlarmAnswer,
  AlarmBulkAnswer,
  AlarmDetailAnswer,
  AlarmHealthAnswer,
  AlarmRulesAnswer,
  AlarmsAnswer,
  ConflictsAnswer,
  DistrictsAnswer,
  DomainCode,
  DutyShiftFields,
  DutyShiftsAnswer,
  IngestStatusAnswer,
  MeAnswer,
  MethodsAnswer,
  ExportCountAnswer,
  GoOnAnswer,
  ExportProgressAnswer,
  NetworkAnswer,
  MessagesAnswer,
  NearbyAnswer,
  PanelsAnswer,
  NoticeRouteFields,
  NoticeRoutesAnswer,
  ProposalsAnswer,
  RegistryAnswer,
  RejectionsAnswer,
  ClaimAnswer,
  PairingAnswer,
  PairRequest,
  ScreenAnswer,
  ScreenChange,
  ScreenCommand,
  ScreensAnswer,
  SeriesAnswer,
  SourceStationsAnswer,
  StationAnswer,
  Tier,
  WaitingAnswer,
  WhatIfAnswer,
  WhatIfRequest,
} from '@yiping/contract/screen'

/** A request that did not come to an answer. `code` is the server's stable code, or why there is none. */
export class RestError extends Error {
  readonly code: string
  /** What the server says more, in its own words. */
  readonly detail: string | null
  /** How long the server wants to be left alone with this, s. */
  readonly waitS: number | null
  constructor(code: string, message: string, options?: ErrorOptions, detail: string | null = null, waitS: number | null = null) {
    super(message, options)
    this.name = 'RestError'
    this.code = code
    this.detail = detail
    this.waitS = waitS
  }
}

const listeners = new Set<(code: string) => void>()
/** Told of every 401 and 403 by its code; answers what ends it. */
export function onRefusal(listener: (code: string) => void): () => void {
  listeners.add(listener)
  return () => void listeners.delete(listener)
}

/** Why a request failed, as a code. */
export const codeOf = (error: unknown): string => (error instanceof RestError ? error.code : String(error))

const timeoutMs = 15_000

const mePath = 'auth/me'

type Method = 'POST' | 'PUT' | 'PATCH' | 'DELETE'

async function ask<T>(path: string, signal: AbortSignal | undefined, body?: unknown, patienceMs = timeoutMs, method: Method = 'POST'): Promise<T> {
  const limit = AbortSignal.timeout(patienceMs)
  const answer = await reach(path, signal ? AbortSignal.any([signal, limit]) : limit, limit, body, method)
  return (answer.status === 204 ? null : await answer.json()) as T
}

/** An answer that is one; what is none is told as the server's code, or as why there is none. */
async function reach(path: string, signal: AbortSignal, limit: AbortSignal | null, body?: unknown, method: Method = 'POST'): Promise<Response> {
  const token = readCredential()
  let answer: Response
  try {
    answer = await fetch(`/api/v1/${path}`, {
      ...(body === undefined ? {} : { method, body: JSON.stringify(body) }),
      headers: {
        accept: limit === null ? '*/*' : 'application/json',
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        ...(token === null ? {} : { authorization: `Bearer ${token}` }),
      },
      signal,
    })
  } catch (cause) {
    throw new RestError(limit?.aborted ? 'timeout' : 'unreachable', path, { cause })
  }
  if (!answer.ok) {
    const problem: unknown = await answer.json().catch(() => null)
    const code = typeof problem === 'object' && problem !== null && 'code' in problem ? String(problem.code) : `http_${answer.status}`
    const detail = typeof problem === 'object' && problem !== null && 'detail' in problem ? String(problem.detail) : null
    const waitS = Number(answer.headers.get('retry-after') ?? Number.NaN)
    // Who asks who this is hears it as the answer; everybody else's refusal is news.
    if ((answer.status === 401 || answer.status === 403) && path !== mePath) for (const tell of listeners) tell(code)
    throw new RestError(code, path, undefined, detail, Number.isFinite(waitS) ? Math.max(0, waitS) : null)
  }
  return answer
}

const get = <T>(path: string, signal?: AbortSignal): Promise<T> => ask<T>(path, signal)
const post = <T>(path: string, body: unknown): Promise<T> => ask<T>(path, undefined, body)
const put = (path: string, body: unknown): Promise<void> => ask<void>(path, undefined, body, timeoutMs, 'PUT')
/** With a body, since nothing is changed for who sends no JSON. */
const strike = (path: string): Promise<void> => ask<void>(path, undefined, {}, timeoutMs, 'DELETE')
const q = encodeURIComponent
/** Filters as the address of a list; what is empty is left out. */
export const queryText = (query: Readonly<Record<string, string | number | null | undefined>>): string =>
  Object.entries(query)
    .flatMap(([key, value]) => (value === null || value === undefined || value === '' ? [] : [`${key}=${q(value)}`]))
    .join('&')

type Query = Readonly<Record<string, string | number>>

export const rest = {
  me: (signal?: AbortSignal) => get<MeAnswer>(mePath, signal),
  signInMethods: (signal?: AbortSignal) => get<MethodsAnswer>('auth/methods', signal),
  signIn: (username: string, password: string) => post<MeAnswer>('auth/login', { username, password }),
  signInByLink: (token: string) => post<MeAnswer>('auth/link', { token }),
  /** Where the browser goes to sign in elsewhere; it comes back to `next`. */
  ssoLink: (next: string): string => `/api/v1/auth/sso?next=${q(next)}`,
  /** With where to go on to, to be out there too; null: nowhere. */
  signOut: () => post<GoOnAnswer | null>('auth/logout', {}),
  linkSso: () => post<GoOnAnswer>('auth/sso/link', {}),
  changePassword: (change: PasswordEdit) => post<null>('auth/password', change),
  mySessions: (signal?: AbortSignal) => get<SessionsAnswer>('auth/sessions', signal),
  endMySession: (id: number) => strike(`auth/sessions/${id}`),
  myTokens: (signal?: AbortSignal) => get<TokensAnswer>('auth/tokens', signal),
  makeToken: (request: TokenRequest) => post<NewTokenAnswer>('auth/tokens', request),
  revokeToken: (id: number) => strike(`auth/tokens/${id}`),
  accounts: (signal?: AbortSignal) => get<AccountsAnswer>('accounts', signal),
  addAccount: (account: NewAccount) => post<AccountAnswer>('accounts', account),
  changeAccount: (id: number, change: AccountEdit) => ask<AccountAnswer>(`accounts/${id}`, undefined, change, timeoutMs, 'PATCH'),
  makeSignInLink: (id: number) => post<SignInLinkAnswer>(`accounts/${id}/link`, {}),
  endSessions: (id: number) => strike(`accounts/${id}/sessions`),
  audit: (query: Readonly<Record<string, string | number | null>>, signal?: AbortSignal) => get<AuditAnswer>(`audit?${queryText(query)}`, signal),
  registry: (signal?: AbortSignal) => get<RegistryAnswer>('registry', signal),
  districts: (signal?: AbortSignal) => get<DistrictsAnswer>('districts', signal),
  network: (domain: DomainCode, signal?: AbortSignal) => get<NetworkAnswer>(`networks/${domain}`, signal),
  station: (code: string, signal?: AbortSignal) => get<StationAnswer>(`stations/${q(code)}`, signal),
  messages: (code: string, at: number, limit: number, signal?: AbortSignal) =>
    get<MessagesAnswer>(`stations/${q(code)}/messages?at=${at}&limit=${limit}`, signal),
  nearby: (code: string, at: number | null, metres: number, signal?: AbortSignal) =>
    get<NearbyAnswer>(`stations/${q(code)}/nearby?${queryText({ at, metres })}`, signal),
  panels: (domain: DomainCode, at: number, signal?: AbortSignal) => get<PanelsAnswer>(`domains/${domain}/panels?at=${at}`, signal),
  series: (
    names: readonly string[],
    from: number,
    to: number,
    { points, tier, compare, percentiles, signal }: { points: number; tier?: Tier; compare?: string; percentiles?: readonly number[]; signal?: AbortSignal },
  ) =>
    get<SeriesAnswer>(
      `series?points=${names.map(q).join(',')}&${queryText({ from, to, maxPoints: points, tier, compare, percentiles: percentiles?.join() })}`,
      signal,
    ),
  /** How many rows the same question gives as a file. */
  exportCount: (query: Query, signal?: AbortSignal) => get<ExportCountAnswer>(`export/count?${queryText(query)}`, signal),
  /** The file itself, as it comes: whoever reads it says how long it waits. */
  export: (query: Query, signal: AbortSignal) => reach(`export?${queryText(query)}`, signal, null),
  exportProgress: (id: string, signal?: AbortSignal) => get<ExportProgressAnswer>(`export/${q(id)}`, signal),
  exportLink: (query: Query): string => `/api/v1/export?${queryText(query)}`,
  alarms: (query: Readonly<Record<string, string | number | null | undefined>>, signal?: AbortSignal) =>
    get<AlarmsAnswer>(`alarms?${queryText(query)}`, signal),
  alarm: (id: string, signal?: AbortSignal) => get<AlarmDetailAnswer>(`alarms/${q(id)}`, signal),
  alarmHealth: (from: number, to: number, operators: number, signal?: AbortSignal) =>
    get<AlarmHealthAnswer>(`alarms/health?${queryText({ from, to, operators })}`, signal),
  /** Ten points through every delay and dead-band that is tried, over all their readings: takes its time. */
  alarmProposals: (from: number, to: number, signal?: AbortSignal) =>
    ask<ProposalsAnswer>(`alarms/proposals?${queryText({ from, to })}`, signal, undefined, 4 * timeoutMs),
  /** Where the browser fetches the same list as CSV. */
  alarmExport: (query: Readonly<Record<string, string | number | null | undefined>>): string => `/api/v1/alarms/export?${queryText(query)}`,
  actOnAlarm: (id: string, action: AlarmAction, request: AlarmActionRequest) => post<AlarmAnswer>(`alarms/${q(id)}/${action}`, request),
  acknowledge: (ids: readonly string[]) => post<AlarmBulkAnswer>('alarms/ack', { ids }),
  ingestStatus: (hours: number, signal?: AbortSignal) => get<IngestStatusAnswer>(`ingest/status?hours=${hours}`, signal),
  sourceStations: (query: Readonly<Record<string, string | number | null>>, signal?: AbortSignal) =>
    get<SourceStationsAnswer>(`ingest/stations?${queryText(query)}`, signal),
  rejections: (limit: number, signal?: AbortSignal) => get<RejectionsAnswer>(`ingest/rejections?limit=${limit}`, signal),
  waitingList: (limit: number, signal?: AbortSignal) => get<WaitingAnswer>(`ingest/waiting?limit=${limit}`, signal),
  conflicts: (limit: number, signal?: AbortSignal) => get<ConflictsAnswer>(`ingest/conflicts?limit=${limit}`, signal),
  screens: (signal?: AbortSignal) => get<ScreensAnswer>('screens', signal),
  askForCode: () => post<PairingAnswer>('screens/pairing', {}),
  claim: (secret: string) => post<ClaimAnswer>('screens/pairing/claim', { secret }),
  pairScreen: (request: PairRequest) => post<ScreenAnswer>('screens', request),
  changeScreen: (id: number, change: ScreenChange) => ask<ScreenAnswer>(`screens/${id}`, undefined, change, timeoutMs, 'PATCH'),
  commandScreen: (id: number, command: ScreenCommand) => post<{ done: true }>(`screens/${id}/command`, command),
  revokeScreen: (id: number) => ask<null>(`screens/${id}`, undefined, {}, timeoutMs, 'DELETE'),
  noticeRoutes: (signal?: AbortSignal) => get<NoticeRoutesAnswer>('notice-routes', signal),
  /** `id` null: a new one. */
  saveRoute: (id: number | null, route: NoticeRouteFields) => (id === null ? post<{ id: number }>('notice-routes', route) : put(`notice-routes/${id}`, route)),
  removeRoute: (id: number) => strike(`notice-routes/${id}`),
  /** One message of trial; patient, since the receiver may be slow to take it. */
  testRoute: (id: number) => ask<void>(`notice-routes/${id}/test`, undefined, {}, 2 * timeoutMs),
  dutyShifts: (signal?: AbortSignal) => get<DutyShiftsAnswer>('duty-shifts', signal),
  saveShift: (id: number | null, shift: DutyShiftFields) => (id === null ? post<{ id: number }>('duty-shifts', shift) : put(`duty-shifts/${id}`, shift)),
  removeShift: (id: number) => strike(`duty-shifts/${id}`),
  alarmRules: (signal?: AbortSignal) => get<AlarmRulesAnswer>('alarm-rules', signal),
  /** Goes through all readings of the span: takes its time. */
  whatIf: (request: WhatIfRequest, signal?: AbortSignal) => ask<WhatIfAnswer>('alarm-rules/what-if', signal, request, 8 * timeoutMs),
  activateRule: (request: ActivateRuleRequest) => post<{ version: number }>('alarm-rules', request),
}
