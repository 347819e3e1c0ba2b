import Type, { type Static } from 'typebox'
import { maxPasswordLength, minPasswordLength } from './access.ts'
import { Convert, Default, Errors } from 'typebox/value'

const Switch = Type.Enum(['on', 'off'])

const Kept = (what: string, days: number) => Type.Integer({ minimum: 0, maximum: 36_500, default: days, description: `days that ${what} keeps; 0: for ever` })

/** Of traces: the packages of OpenTelemetry read these themselves, we see to it that they are right. */
export const traceVariables = [
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_HEADERS',
  'OTEL_SERVICE_NAME',
  'OTEL_RESOURCE_ATTRIBUTES',
  'OTEL_TRACES_SAMPLER',
  'OTEL_TRACES_SAMPLER_ARG',
] as const

/** Stands in an address as it is. */
const RolePassword = (role: string) => Type.String({ pattern: '^[A-Za-z0-9._~-]{12,128}$', description: `with which ${role} signs in to the database` })

/** Every variable that any part reads: one schema, one meaning. `interfaces.md` is the public table. */
export const environment = {
  DATABASE_URL: Type.String({ pattern: '^postgres(ql)?://' }),
  READ_DATABASE_URL: Type.String({ pattern: '^postgres(ql)?://' }),
  INGEST_DB_PASSWORD: RolePassword('yiping_ingest'),
  SERVER_DB_PASSWORD: RolePassword('yiping_server'),
  MQTT_URL: Type.String({ pattern: '^(mqtts?|wss?)://' }),
  MQTT_PROTOCOL: Type.Enum(['3.1.1', '5'], { default: '3.1.1', description: 'MQTT version towards the broker' }),
  MQTT_USERNAME: Type.String({ minLength: 1 }),
  MQTT_PASSWORD: Type.String({ minLength: 1 }),
  MQTT_CA_FILE: Type.String({ minLength: 1, description: "PEM of the authority that signed the broker's certificate" }),
  MQTT_CERT_FILE: Type.String({ minLength: 1, description: 'PEM of our client certificate' }),
  MQTT_KEY_FILE: Type.String({ minLength: 1, description: 'PEM of its key' }),
  INGEST_SHARD: Type.String({ pattern: '^[A-Za-z0-9-]{1,32}$', default: 'main', description: 'name of the share of topics; one process of a shard is active' }),
  INGEST_TOPICS: Type.String({ minLength: 1, description: "comma-separated topic filters of the shard; unset: all of the interface's" }),
  SPOOL_FSYNC: Type.Enum(['group', 'always'], { default: 'group', description: 'always: PUBACK only after fdatasync' }),
  SPOOL_MAX_BYTES: Type.Integer({ minimum: 65_536, default: 2 * 1024 ** 3, description: 'beyond it ingest stops reading from the broker' }),
  MQTT_PORT: Type.Integer({ minimum: 0, maximum: 65535, default: 1883 }),
  DATA_DIR: Type.String({ minLength: 1, default: './data' }),
  HOST: Type.String({ minLength: 1, default: '127.0.0.1' }),
  PORT: Type.Integer({ minimum: 0, maximum: 65535, default: 8080 }),
  CITY_TIMEZONE: Type.String({ minLength: 1, default: 'Asia/Shanghai' }),
  CITY_MAP: Type.String({ minLength: 1, description: 'GeoJSON of the districts in place of the packaged one (WGS 84)' }),
  SMTP_URL: Type.String({ pattern: '^smtps?://', description: 'mail server for notices; unset: none are mailed' }),
  SMTP_FROM: Type.String({ pattern: '@', default: 'yiping@localhost', description: 'sender of notices' }),
  ADMIN_PASSWORD: Type.String({
    minLength: minPasswordLength,
    maxLength: maxPasswordLength,
    description: 'of the first administrator `admin`, read at the first start only; unset: made up and printed once',
  }),
  SESSION_IDLE_MINUTES: Type.Integer({ minimum: 5, maximum: 525_600, default: 720, description: 'a session that asks for nothing for so long is over' }),
  SESSION_HOURS: Type.Integer({ minimum: 1, maximum: 8760, default: 168, description: 'any session is over after this' }),
  TRUST_PROXY: Type.String({
    minLength: 1,
    default: 'loopback',
    description: 'addresses of proxies whose X-Forwarded-* are believed, comma-separated; `loopback`, `uniquelocal` are names for some',
  }),
  RATE_LIMIT_PER_MINUTE: Type.Integer({
    minimum: 0,
    maximum: 10_000_000,
    default: 1200,
    description: 'requests of an account, token or screen; a tenth of it of what reads much of the past; 0: any number',
  }),
  RATE_LIMIT_ADDRESS_PER_MINUTE: Type.Integer({
    minimum: 0,
    maximum: 10_000_000,
    default: 12_000,
    description: 'requests from an address; a hundredth of it with credentials that nobody has; 0: any number',
  }),
  PUBLIC_URL: Type.String({ pattern: '^https?://[^/]+/?$', description: 'address under which browsers reach the server; single sign-on comes back to it' }),
  OIDC_ISSUER: Type.String({ pattern: '^https?://', description: 'issuer of single sign-on (OpenID Connect); unset: there is none' }),
  OIDC_CLIENT_ID: Type.String({ minLength: 1 }),
  OIDC_CLIENT_SECRET: Type.String({ minLength: 8 }),
  OIDC_SCOPES: Type.String({ pattern: '\\bopenid\\b', default: 'openid profile email' }),
  OIDC_ROLE_CLAIM: Type.String({ minLength: 1, default: 'groups', description: 'claim whose values OIDC_ROLES maps; `a.b` is b within a' }),
  OIDC_ROLES: Type.String({ minLength: 1, description: '`value=role`, comma-separated; unset: only linked accounts come in, with the roles given here' }),
  OIDC_NAME: Type.String({ minLength: 1, maxLength: 40, default: 'SSO', description: "the provider's name on the button" }),
  SIMULATOR: Switch,
  LOG_LEVEL: Type.Enum(['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'], { default: 'info' }),
  OTEL_EXPORTER_OTLP_ENDPOINT: Type.String({ pattern: '^https?://', description: 'collector of traces, OTLP over HTTP; unset: none are made' }),
  OTEL_EXPORTER_OTLP_HEADERS: Type.String({ minLength: 1, description: 'what the collector wants as headers, name=value, comma-separated' }),
  OTEL_SERVICE_NAME: Type.String({ minLength: 1, description: 'name of the process in traces; unset: yiping-server, yiping-ingest' }),
  OTEL_RESOURCE_ATTRIBUTES: Type.String({ minLength: 1, description: 'more that is said of it, name=value, comma-separated' }),
  OTEL_TRACES_SAMPLER: Type.Enum(['always_on', 'always_off', 'traceidratio', 'parentbased_always_on', 'parentbased_always_off', 'parentbased_traceidratio'], {
    description: 'which traces are made; unset: parentbased_always_on',
  }),
  OTEL_TRACES_SAMPLER_ARG: Type.Number({ minimum: 0, maximum: 1, description: 'share of traces, for traceidratio' }),
  METRICS_PORT: Type.Integer({ minimum: 0, maximum: 65535, description: "port of a service's own /metrics; unset: none" }),
  RETENTION_DAYS: Type.Integer({ minimum: 1, maximum: 36_500, default: 400, description: 'readings older than this are refused (ts_too_old)' }),
  RETENTION_RAW: Kept('the table of readings', 730),
  RETENTION_1M: Kept('the minute tier', 5 * 365),
  RETENTION_15M: Kept('the quarter-hour tier', 10 * 365),
  RETENTION_1H: Kept('the hour tier', 20 * 365),
  RETENTION_1D: Kept('the day tier', 0),
  RETENTION_RECORDS: Kept('the account, refusals, conflicts, corrections and notices', 730),
} as const
export type EnvironmentName = keyof typeof environment

type Wanted<R extends EnvironmentName, O extends EnvironmentName> = {
  [K in R]: Static<(typeof environment)[K]>
} & { [K in O]?: Static<(typeof environment)[K]> }

export class EnvironmentError extends Error {
  override name = 'EnvironmentError'
  constructor(readonly faults: readonly string[]) {
    super(`the environment is not right:\n${faults.map((f) => `  - ${f}`).join('\n')}`)
  }
}

/**
 * Reads the named variables out of `source` (normally `process.env`, read once in a `config.ts`). Empty counts as
 * unset. Throws one `EnvironmentError` that names every fault.
 */
export function readEnvironment<R extends EnvironmentName, O extends EnvironmentName = never>(
  source: Readonly<Record<string, string | undefined>>,
  required: readonly R[],
  optional: readonly O[] = [],
): Wanted<R, O> {
  const out: Record<string, unknown> = {}
  const faults: string[] = []
  for (const name of [...required, ...optional]) {
    const schema = environment[name]
    const raw = source[name] === '' ? undefined : source[name]
    const given = Default(schema, raw)
    // Convert makes a text or a number out of nothing at all.
    const value = given === undefined ? undefined : Convert(schema, given)
    if (value === undefined) {
      if ((required as readonly string[]).includes(name)) faults.push(`${name} is not set`)
      continue
    }
    const errors = [...Errors(schema, value)]
    if (errors.length > 0) faults.push(`${name}=${/(URL|PASSWORD|SECRET)$/.test(name) ? '…' : JSON.stringify(raw)}: ${errors.map((e) => e.message).join(', ')}`)
    else if (name === 'CITY_TIMEZONE' && !isZone(String(value))) faults.push(`CITY_TIMEZONE=${String(value)}: not an IANA zone`)
    else out[name] = value
  }
  if (faults.length > 0) throw new EnvironmentError(faults)
  return out as Wanted<R, O>
}

function isZone(name: string): boolean {
  try {
    new Intl.DateTimeFormat('en', { timeZone: name })
    return true
  } catch {
    return false
  }
}
