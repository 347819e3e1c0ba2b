import Type, { type Static } from 'typebox'
import { maxPasswordLength, minPasswordLength, permissions, roles } from './access.ts'
import { DomainCode } from './domain.ts'
import { Time } from './rest.ts'

const Nullable = <T extends Type.TSchema>(schema: T) => Type.Union([schema, Type.Null()])
const closed = { additionalProperties: false }

export const RoleSchema = Type.Enum([...roles])
export const PermissionSchema = Type.Enum([...permissions])
const Username = Type.String({ minLength: 1, maxLength: 64, pattern: '^[A-Za-z0-9][A-Za-z0-9_.@-]*$', description: 'found whatever its case' })
const Password = Type.String({ minLength: minPasswordLength, maxLength: maxPasswordLength })
const PersonName = Type.String({ minLength: 1, maxLength: 60, pattern: '\\S' })
const Districts = Nullable(Type.Array(Type.String({ pattern: '^\\d{6}$' }), { minItems: 1, maxItems: 64, description: 'adcodes; null: the whole city' }))
const Domains = Nullable(Type.Array(DomainCode, { minItems: 1, maxItems: 16, description: 'where the account may act; null: all utilities' }))
const Roles = Type.Array(RoleSchema, { minItems: 1, maxItems: roles.length, uniqueItems: true })

/** `POST /api/v1/auth/login` */
export const LoginRequest = Type.Object(
  { username: Type.String({ minLength: 1, maxLength: 200 }), password: Type.String({ minLength: 1, maxLength: maxPasswordLength }) },
  closed,
)
/** `POST /api/v1/auth/link`: what stands behind the `#` of a sign-in link, good for once. */
export const LinkRequest = Type.Object({ token: Type.String({ minLength: 20, maxLength: 200 }) }, closed)

/** `GET /api/v1/auth/me`, and the answer to signing in. */
export const MeAnswer = Type.Object(
  {
    kind: Type.Enum(['account', 'token', 'screen']),
    id: Type.Integer({ description: 'of the account, or of the screen' }),
    username: Nullable(Type.String()),
    name: Type.String(),
    roles: Type.Array(Type.Enum(['wall', ...roles])),
    permissions: Type.Array(PermissionSchema),
    districts: Districts,
    domains: Domains,
    hasPassword: Type.Boolean({ description: 'false: signed in by a link or by single sign-on, and has none' }),
    sso: Type.Boolean({ description: 'comes in by single sign-on' }),
    expiresAt: Nullable(Time),
  },
  { $id: 'Me' },
)
export type MeAnswer = Static<typeof MeAnswer>

/** `GET /api/v1/auth/methods`, for whoever is not signed in. */
export const MethodsAnswer = Type.Object(
  {
    password: Type.Boolean(),
    sso: Nullable(Type.Object({ name: Type.String(), reachable: Type.Boolean({ description: 'false: the provider did not answer when it was last asked' }) })),
  },
  { $id: 'Methods' },
)
export type MethodsAnswer = Static<typeof MethodsAnswer>

/** `POST /api/v1/auth/logout`, and `POST /api/v1/auth/sso/link`: where the browser goes on to. */
export const GoOnAnswer = Type.Object({ location: Nullable(Type.String({ description: 'of the provider; null: nowhere' })) }, { $id: 'GoOn' })
export type GoOnAnswer = Static<typeof GoOnAnswer>

/** `POST /api/v1/auth/password`: `current` is left out by who has none. */
export const PasswordChange = Type.Object({ current: Type.Optional(Type.String({ maxLength: maxPasswordLength })), next: Password }, closed)

export const SessionAnswer = Type.Object({
  id: Type.Integer(),
  current: Type.Boolean(),
  createdAt: Time,
  seenAt: Time,
  expiresAt: Time,
  address: Type.String(),
  agent: Type.String(),
})
export const SessionsAnswer = Type.Object({ items: Type.Array(SessionAnswer) }, { $id: 'Sessions' })
export type SessionsAnswer = Static<typeof SessionsAnswer>

/** `POST /api/v1/auth/tokens`: for scripts, in the name of who makes it. */
export const TokenRequest = Type.Object(
  {
    name: PersonName,
    scopes: Type.Array(PermissionSchema, { minItems: 1, maxItems: permissions.length, uniqueItems: true }),
    days: Nullable(Type.Integer({ minimum: 1, maximum: 3660, description: 'null: until it is revoked' })),
  },
  closed,
)
export type TokenRequest = Static<typeof TokenRequest>
export const TokenAnswer = Type.Object({
  id: Type.Integer(),
  name: Type.String(),
  scopes: Type.Array(PermissionSchema),
  createdAt: Time,
  expiresAt: Nullable(Time),
  usedAt: Nullable(Time),
})
export type TokenAnswer = Static<typeof TokenAnswer>
export const TokensAnswer = Type.Object({ items: Type.Array(TokenAnswer) }, { $id: 'Tokens' })
export type TokensAnswer = Static<typeof TokensAnswer>
export const NewTokenAnswer = Type.Object(
  { ...TokenAnswer.properties, token: Type.String({ description: 'given out this once; only its hash is kept' }) },
  { $id: 'NewToken' },
)
export type NewTokenAnswer = Static<typeof NewTokenAnswer>

/** `GET /api/v1/accounts` */
export const AccountAnswer = Type.Object(
  {
    id: Type.Integer(),
    username: Type.String(),
    name: Type.String(),
    roles: Type.Array(RoleSchema),
    districts: Districts,
    domains: Domains,
    hasPassword: Type.Boolean(),
    sso: Type.Boolean({ description: 'comes in by single sign-on' }),
    createdAt: Time,
    disabledAt: Nullable(Time),
    seenAt: Nullable(Time),
    sessions: Type.Integer({ minimum: 0 }),
    tokens: Type.Integer({ minimum: 0 }),
  },
  { $id: 'Account' },
)
export type AccountAnswer = Static<typeof AccountAnswer>
export const AccountsAnswer = Type.Object({ items: Type.Array(AccountAnswer) }, { $id: 'Accounts' })
export type AccountsAnswer = Static<typeof AccountsAnswer>

/** `POST /api/v1/accounts`: without a password the account comes in by its sign-in link, or by single sign-on. */
export const NewAccountRequest = Type.Object(
  { username: Username, name: PersonName, roles: Roles, districts: Districts, domains: Domains, password: Type.Optional(Password) },
  closed,
)
export type NewAccountRequest = Static<typeof NewAccountRequest>
/** `PATCH /api/v1/accounts/{id}`: what is left out stays. */
export const AccountChange = Type.Object(
  {
    name: Type.Optional(PersonName),
    roles: Type.Optional(Roles),
    districts: Type.Optional(Districts),
    domains: Type.Optional(Domains),
    disabled: Type.Optional(Type.Boolean({ description: 'true: all its sessions and tokens end at once' })),
    sso: Type.Optional(Type.Literal(false, { description: 'no longer comes in by single sign-on, until it is linked again' })),
  },
  closed,
)
export type AccountChange = Static<typeof AccountChange>
/** `POST /api/v1/accounts/{id}/link` */
export const SignInLinkAnswer = Type.Object(
  { token: Type.String({ description: 'good for once; stands behind the # of /sign-in' }), expiresAt: Time },
  { $id: 'SignInLink' },
)
export type SignInLinkAnswer = Static<typeof SignInLinkAnswer>

/** `GET /api/v1/audit` */
export const AuditEntry = Type.Object({
  id: Type.String(),
  at: Time,
  actor: Type.String({ description: 'username, or the screen; as it was called then' }),
  via: Type.Enum(['session', 'token', 'screen', 'nobody']),
  address: Nullable(Type.String()),
  action: Type.String({ description: 'as `alarm.ack`, `account.change`, `session.login`' }),
  target: Nullable(Type.String()),
  outcome: Type.String({ description: '`done`, or the code of the refusal' }),
  before: Type.Unknown({ description: 'what it was, without secrets; null: nothing was' }),
  after: Type.Unknown({ description: 'what was asked for or came of it, without secrets' }),
})
export type AuditEntry = Static<typeof AuditEntry>
export const AuditAnswer = Type.Object({ items: Type.Array(AuditEntry), nextCursor: Nullable(Type.String()) }, { $id: 'Audit' })
export type AuditAnswer = Static<typeof AuditAnswer>
