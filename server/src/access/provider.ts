import * as oidc from 'openid-client'
import { type Claims, claimAt } from './claims.ts'
import { isLoopback, type SsoSettings } from './sso-settings.ts'

/** What the provider says of itself is read again before a sign-in when it is older than this: one that is away is told at the door, ms. */
const freshMs = 60_000
/** After a failure it is left alone for so long, ms. */
const pauseMs = 2000
const timeoutS = 5
/** Clocks of two machines may differ so much, s. */
const toleranceS = 60

export interface ProviderOptions {
  settings: SsoSettings
  now: () => number
  log: { warn: (o: object, m: string) => void; info: (o: object, m: string) => void }
}

/** What a sign-in at the provider is begun with, and has to come back with. */
export interface Begun {
  state: string
  nonce: string
  verifier: string
  redirectUri: string
}

export interface Shown {
  issuer: string
  subject: string
  claims: Claims
  idToken: string
}

/** Why one could not be signed in, as the door says it. */
export type SsoReason =
  | 'sso_denied'
  | 'sso_state'
  | 'sso_unreachable'
  | 'sso_clock'
  | 'sso_invalid'
  | 'sso_no_role'
  | 'sso_disabled'
  | 'sso_last_administrator'
  | 'sso_taken'
  | 'sso_address'

export class SsoRefused extends Error {
  override name = 'SsoRefused'
  constructor(readonly reason: SsoReason) {
    super(reason)
  }
}

/** The provider by OpenID Connect: authorization code with PKCE, state and nonce. It may be away at any time, and is asked again. */
export class Provider {
  #known: { config: oidc.Configuration; at: number } | null = null
  #failedAt: number | null = null
  #asking: Promise<oidc.Configuration> | null = null

  constructor(private readonly options: ProviderOptions) {}

  /** False: it did not answer when it was last asked. */
  get reachable(): boolean {
    return this.#failedAt === null
  }

  /** Asks it when it has not been for a while, and does not wait for the answer. */
  look(): void {
    this.#ready().catch(() => {})
  }

  async begin(redirectUri: string, anew: boolean): Promise<Begun & { location: string }> {
    const config = await this.#ready()
    const begun = { state: oidc.randomState(), nonce: oidc.randomNonce(), verifier: oidc.randomPKCECodeVerifier(), redirectUri }
    const location = oidc.buildAuthorizationUrl(config, {
      ...{ redirect_uri: redirectUri, scope: this.options.settings.scopes, state: begun.state, nonce: begun.nonce },
      ...{ code_challenge: await oidc.calculatePKCECodeChallenge(begun.verifier), code_challenge_method: 'S256' },
      // Whose session the provider has in this browser says not who wants to be known by it from now on.
      ...(anew ? { prompt: 'login' } : {}),
    })
    return { ...begun, location: location.href }
  }

  /** Whom the provider sent back with this query. */
  async finish(begun: Begun, query: string): Promise<Shown> {
    const { settings, log } = this.options
    try {
      const config = await this.#ready()
      const tokens = await oidc.authorizationCodeGrant(config, new URL(`${begun.redirectUri}?${query}`), {
        ...{ pkceCodeVerifier: begun.verifier, expectedState: begun.state, expectedNonce: begun.nonce, idTokenExpected: true },
      })
      const own = tokens.claims()
      if (own === undefined || tokens.id_token === undefined) throw new SsoRefused('sso_invalid')
      let claims: Claims = own
      // What the ID token says counts; many providers keep groups and names for those who ask.
      const lacks = (settings.roles !== null && claimAt(own, settings.roleClaim) === undefined) || own.preferred_username === undefined
      if (lacks && config.serverMetadata().userinfo_endpoint !== undefined)
        claims = { ...(await oidc.fetchUserInfo(config, tokens.access_token, own.sub)), ...own }
      return { issuer: own.iss, subject: own.sub, claims, idToken: tokens.id_token }
    } catch (error) {
      if (error instanceof SsoRefused) throw error
      const reason = reasonOf(error)
      log.warn({ reason, ...nameOf(error) }, 'a sign-in at the provider did not come to its end')
      throw new SsoRefused(reason)
    }
  }

  /** Where one signs out at the provider too; null: it has no such place, or has not been heard. */
  endOf(idToken: string | null, back: string | null): string | null {
    const config = this.#known?.config
    if (!this.reachable || config?.serverMetadata().end_session_endpoint === undefined) return null
    return oidc.buildEndSessionUrl(config, {
      ...(idToken === null ? {} : { id_token_hint: idToken }),
      ...(back === null ? {} : { post_logout_redirect_uri: back }),
    }).href
  }

  #ready(): Promise<oidc.Configuration> {
    const at = this.options.now()
    if (this.#known !== null && Math.abs(at - this.#known.at) < freshMs) return Promise.resolve(this.#known.config)
    if (this.#failedAt !== null && Math.abs(at - this.#failedAt) < pauseMs) return Promise.reject(new SsoRefused('sso_unreachable'))
    this.#asking ??= this.#discover().finally(() => {
      this.#asking = null
    })
    return this.#asking
  }

  async #discover(): Promise<oidc.Configuration> {
    const { settings, now, log } = this.options
    const issuer = new URL(settings.issuer)
    try {
      const config = await oidc.discovery(
        issuer,
        settings.clientId,
        {
          client_secret: settings.clientSecret,
          [oidc.clockTolerance]: toleranceS,
          [oidc.clockSkew]: Math.round((now() - Date.now()) / 1000),
        },
        authenticateBy(settings.clientSecret),
        { timeout: timeoutS, ...(issuer.protocol === 'http:' && isLoopback(issuer.hostname) ? { execute: [oidc.allowInsecureRequests] } : {}) },
      )
      if (this.#failedAt !== null) log.info({ issuer: settings.issuer }, 'the provider of single sign-on is back')
      this.#failedAt = null
      this.#known = { config, at: now() }
      return config
    } catch (error) {
      if (this.#failedAt === null)
        log.warn({ issuer: settings.issuer, ...nameOf(error) }, 'the provider of single sign-on cannot be reached: tried again when somebody asks')
      this.#failedAt = now()
      throw new SsoRefused('sso_unreachable')
    }
  }
}

/** By what the provider says that it takes; one that says nothing takes the secret in the head (OpenID Connect Discovery 1.0, 3). */
function authenticateBy(secret: string): oidc.ClientAuth {
  const [basic, post] = [oidc.ClientSecretBasic(secret), oidc.ClientSecretPost(secret)]
  return (server, ...rest) => (server.token_endpoint_auth_methods_supported?.includes('client_secret_basic') === false ? post : basic)(server, ...rest)
}

const textAt = (value: unknown, key: string): string | undefined => {
  const found: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined
  return typeof found === 'string' ? found : undefined
}

/** What may stand in a log: no message of the provider's, no token, no code of a sign-in. */
function nameOf(error: unknown): { code: string | undefined; error: string | undefined } {
  const cause = error instanceof Error ? error.cause : undefined
  return {
    code: textAt(error, 'code') ?? textAt(cause, 'code') ?? (error instanceof Error ? error.name : undefined),
    error: textAt(error, 'error')?.slice(0, 60),
  }
}

function reasonOf(error: unknown): SsoReason {
  switch (textAt(error, 'code')) {
    case 'OAUTH_AUTHORIZATION_RESPONSE_ERROR':
      return textAt(error, 'error') === 'temporarily_unavailable' || textAt(error, 'error') === 'server_error' ? 'sso_unreachable' : 'sso_denied'
    case 'OAUTH_JWT_TIMESTAMP_CHECK_FAILED':
      return 'sso_clock'
    // No answer at all.
    case 'OAUTH_TIMEOUT':
    case 'OAUTH_ABORT':
      return 'sso_unreachable'
    default:
      return error instanceof TypeError && error.message === 'fetch failed' ? 'sso_unreachable' : 'sso_invalid'
  }
}
