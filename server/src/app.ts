import { randomUUID } from 'node:crypto'
import compress from '@fastify/compress'
import etag from '@fastify/etag'
import helmet from '@fastify/helmet'
import proxyAddr from '@fastify/proxy-addr'
import serveStatic from '@fastify/static'
import swagger from '@fastify/swagger'
import swaggerUi from '@fastify/swagger-ui'
import { createPool, tracePool, type Tracing } from '@yiping/db'
import Fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { Accounts } from './access/accounts.ts'
import { sessionIn } from './access/cookies.ts'
import { Keyring } from './access/keyring.ts'
import type { Principal } from './access/principal.ts'
import { SingleSignOn } from './access/sso.ts'
import { Rates } from './access/rates.ts'
import { Throttle } from './access/throttle.ts'
import type { ServerConfig } from './config.ts'
import { Live } from './live/live.ts'
import { createMetrics } from './metrics.ts'
import { answerBroken, answerUnroutable, ProblemError, useProblems } from './plugins/problem.ts'
import { guardRoutes, limitAddresses, openToAll, withAccess } from './plugins/access.ts'
import { refuseCrossSite } from './plugins/same-site.ts'
import { traceRequests } from './plugins/tracing.ts'
import { createMailer } from './notify/email.ts'
import { Notifier } from './notify/notifier.ts'
import { PastCity } from './past/past-city.ts'
import { Peers } from './peers/peers.ts'
import { Hub } from './push/hub.ts'
import type { RouteContext } from './routes/context.ts'
import { accountRoutes } from './routes/accounts.ts'
import { alarmActionRoutes } from './routes/alarm-actions.ts'
import { alarmRoutes } from './routes/alarms.ts'
import { authRoutes } from './routes/auth.ts'
import { districtHistoryRoutes } from './routes/district-history.ts'
import { exportRoutes } from './routes/export.ts'
import { healthRoutes } from './routes/health.ts'
import { ingestRoutes } from './routes/ingest.ts'
import { kpiRoutes } from './routes/kpis.ts'
import { networkRoutes } from './routes/networks.ts'
import { noticeRoutes } from './routes/notices.ts'
import { overviewRoutes } from './routes/overview.ts'
import { panelRoutes } from './routes/panels.ts'
import { screenRoutes } from './routes/screens.ts'
import { seriesRoutes } from './routes/series.ts'
import { stationDeskRoutes } from './routes/station-desk.ts'
import { stationRoutes } from './routes/stations.ts'
import { sourceRoutes } from './routes/sources.ts'
import { ssoRoutes } from './routes/sso.ts'
import { tuningRoutes } from './routes/tuning.ts'
import { waitingRoutes } from './routes/waiting.ts'
import { ReadDatabase } from './replica/read-database.ts'
import { Screens } from './screens/screens.ts'
import { SourceWatch } from './sources/source-watch.ts'

export interface App {
  fastify: FastifyInstance
  live: Live
  hub: Hub
  peers: Peers
  notifier: Notifier
  /** Null: there is none. */
  replica: ReadDatabase | null
  accounts: Accounts
  stop: () => Promise<void>
}

/** Addresses of the one page. */
const pages = [
  ...['/', '/water', '/gas', '/heating', '/drainage', '/alarms', '/history', '/ingest', '/wall', '/wall/:scene', '/screens'],
  ...['/sign-in', '/account', '/accounts', '/audit'],
]

/** The server's wiring. Nothing listens yet and nothing is loaded until `live.start()`, `hub.start()`, `peers.start()`, `notifier.start()`, `replica?.start()` and `listen`. */
export async function buildApp(
  config: ServerConfig,
  version: string,
  logger: FastifyBaseLogger,
  now: () => number = Date.now,
  tracing: Tracing | null = null,
): Promise<App> {
  const onError = (error: Error): void => logger.warn({ err: error.message }, 'database connection lost')
  // The server cancels a little before the driver stops waiting, so that nothing is left running there.
  const timeouts = { queryTimeoutMs: 30_000, statementTimeoutMs: 29_000 }
  const pool = createPool({ connectionString: config.databaseUrl, applicationName: 'yiping-server', max: 3, ...timeouts, onError })
  const readOptions = { applicationName: 'yiping-server-read', ...timeouts, onError }
  const replica =
    config.readDatabaseUrl === config.databaseUrl
      ? null
      : new ReadDatabase({
          replica: createPool({ connectionString: config.readDatabaseUrl, max: 4, ...readOptions }),
          fallback: createPool({ connectionString: config.databaseUrl, max: 2, ...readOptions }),
          primary: pool,
          log: logger,
        })
  const readPool = replica?.pool ?? pool

  const fastify = Fastify({
    loggerInstance: logger,
    logController: new LogController({ disableRequestLogging: true }),
    routerOptions: { maxParamLength: 256 },
    trustProxy: config.trustProxy,
    forceCloseConnections: true,
    clientErrorHandler: answerBroken,
    frameworkErrors: answerUnroutable,
    // A word that we do not know is a mistake of the sender's, not to be left out in silence.
    ajv: { customOptions: { removeAdditional: false } },
    // Of several servers too no two requests have one.
    genReqId: () => randomUUID(),
  })
  if (tracing !== null) {
    for (const each of [pool, ...(replica?.pools.map(([, of]) => of) ?? [])]) tracePool(each, tracing)
    traceRequests(fastify, tracing)
  }
  await fastify.register(helmet, {
    // A control room's LAN speaks plain HTTP: nothing may force https, and everything comes from here.
    contentSecurityPolicy: {
      directives: {
        defaultSrc: ["'self'"],
        scriptSrc: ["'self'"],
        styleSrc: ["'self'", "'unsafe-inline'"],
        imgSrc: ["'self'", 'data:', 'blob:'],
        fontSrc: ["'self'", 'data:'],
        connectSrc: ["'self'"],
        workerSrc: ["'self'", 'blob:'],
        frameAncestors: ["'self'"],
        upgradeInsecureRequests: null,
      },
    },
    strictTransportSecurity: false,
    crossOriginOpenerPolicy: false,
    originAgentCluster: false,
  })
  // After the headers, so that a refusal has them too.
  useProblems(fastify)
  const rates = new Rates(config.rates, now)
  limitAddresses(fastify, rates)
  refuseCrossSite(fastify)
  const idleMs = config.sessionIdleMs
  const keyring = new Keyring({ db: pool, now, idleMs, log: logger })
  guardRoutes(fastify, { keyring, rates, db: pool, now })
  const closeSockets = (which: (principal: Principal) => boolean): void => hub.close(which)
  const throttle = new Throttle(now)
  const onEnded = (which: (principal: Principal) => boolean): void => {
    closeSockets(which)
    peers.accessChanged()
  }
  const accounts = new Accounts({ pool, keyring, throttle, now, sessionMs: config.sessionMs, onEnded })
  const sso = config.sso === null ? null : new SingleSignOn({ settings: config.sso, pool, accounts, throttle, idleMs, now, log: logger })
  const peers: Peers = new Peers({
    databaseUrl: config.databaseUrl,
    pool,
    log: logger,
    screensHere: () => screens.here(),
    onScreen: (id) => void screens.lookAgain(id).catch((error: unknown) => logger.warn({ err: String(error) }, 'a screen was not looked up again')),
    onCommand: (id, command) => screens.commandHere(id, command),
    onAccess: () => {
      keyring.askAgain()
      void hub.closeOver()
    },
  })
  const screens = new Screens({ pool, peers, now, onRevoked: (id) => keyring.forget((p) => p.kind === 'screen' && p.id === id), log: logger })
  await fastify.register(compress, { threshold: 1024 })
  await fastify.register(etag)
  await fastify.register(swagger, {
    transform: ({ schema, url, route }) => ({ schema: withAccess(schema, route.config?.access, url), url }),
    openapi: {
      openapi: '3.1.0',
      info: {
        title: 'Yiping 一屏',
        version,
        description:
          "One screen for a city's lifelines: the whole wall as data. Times out are ISO 8601 with the city's offset, times in also epoch ms. Errors are RFC 9457. `x-access` is who may: `public`, `signed-in`, or a permission (docs/access.md).",
      },
      components: {
        securitySchemes: {
          token: { type: 'http', scheme: 'bearer', description: 'of a script, made at /account' },
          session: { type: 'apiKey', in: 'cookie', name: 'yiping_session', description: 'followed by the port; POST /auth/login sets it' },
        },
      },
    },
  })
  await openToAll(fastify, (app) => app.register(swaggerUi, { routePrefix: '/api/docs', staticCSP: true }))

  const live = new Live({ databaseUrl: config.databaseUrl, pool, zone: config.zone, origin: config.origin, now, log: logger })
  const past = { db: readPool, zone: config.zone, origin: config.origin, now }
  const trusted = proxyAddr.compile(config.trustProxy.split(',').map((t) => t.trim()))
  const hub = new Hub(fastify.server, {
    addressOf: (request) => proxyAddr(request, trusted),
    mayConnect: (from) => rates.mayConnect(from),
    maySubscribe: (principal) => rates.maySubscribe(principal),
    live,
    openPast: (at) => PastCity.open(past, at),
    version,
    now,
    log: logger,
    async admit(heads, auth) {
      const token = typeof auth === 'object' && auth !== null && 'token' in auth ? auth.token : undefined
      if (typeof token === 'string' && token !== '' && token.length <= 200) {
        const principal = await keyring.find({ kind: 'bearer', text: token }, rates.unknown(heads.address))
        if (principal === null) throw new ProblemError(401, 'credential_unknown', 'This credential is not (or no longer) known')
        return principal
      }
      const session = sessionIn(heads)
      return session === null ? null : keyring.find({ kind: 'cookie', text: session }, rates.unknown(heads.address))
    },
    over: (principals) => keyring.over(principals),
    onSocket: (socket) => screens.greet(socket),
  })
  const metrics = createMetrics({
    live,
    hub,
    rates,
    pools: new Map([['main', pool], ...(replica?.pools ?? [])]),
    replica,
    version,
    now,
  })
  metrics.watch(fastify)
  const notifier = new Notifier({
    pool,
    mailer: config.smtp === null ? null : createMailer(config.smtp.url, config.smtp.from, 10_000),
    zone: config.zone,
    now,
    onSent: (channel, alarms) => {
      metrics.noticeSent(channel, 1)
      logger.info({ channel, alarms }, 'people were told of alarms')
    },
    onFailed: (error, what) => {
      metrics.noticeFailed()
      logger.warn({ err: error instanceof Error ? error.message : error }, `${what} failed`)
    },
  })
  const { zone, origin, mostSorted, keepDays } = config
  const context: RouteContext = { live, pool, readPool, replica, zone, origin, version, mostSorted, keepDays, now }
  await fastify.register(healthRoutes(context, metrics))
  await fastify.register(
    async (api) => {
      await api.register(overviewRoutes(context))
      await api.register(stationRoutes(context))
      await api.register(networkRoutes(context))
      await api.register(kpiRoutes(context))
      await api.register(stationDeskRoutes(context))
      await api.register(panelRoutes(context))
      await api.register(seriesRoutes(context))
      await api.register(districtHistoryRoutes(context))
      await api.register(exportRoutes(context))
      await api.register(ingestRoutes(context))
      await api.register(waitingRoutes(context))
      await api.register(sourceRoutes(context, new SourceWatch(readPool, now)))
      await api.register(noticeRoutes(context, (route) => notifier.test(route)))
      await api.register(tuningRoutes(context))
      await api.register(alarmRoutes(context))
      await api.register(alarmActionRoutes(context))
      await api.register(screenRoutes(context, screens))
      await api.register(authRoutes(context, { accounts, idleMs, sso }))
      await api.register(ssoRoutes(context, sso))
      await api.register(accountRoutes(context, accounts))
      api.get('/openapi.json', { config: { access: 'public' }, schema: { hide: true } }, async () => fastify.swagger())
    },
    { prefix: '/api/v1' },
  )

  const { webFolder } = config
  if (webFolder !== null)
    await openToAll(fastify, async (app) => {
      await app.register(serveStatic, {
        root: webFolder,
        index: false,
        etag: true,
        setHeaders: (response, path) => void response.header('cache-control', path.includes('/assets/') ? 'public, max-age=31536000, immutable' : 'no-cache'),
      })
      // Scenes are addresses of the one page, which has nothing of the city in it: what it asks for is guarded.
      for (const path of pages) app.get(path, { schema: { hide: true } }, (_request, reply) => reply.header('cache-control', 'no-cache').sendFile('index.html'))
    })
  return {
    fastify,
    live,
    hub,
    peers,
    notifier,
    replica,
    accounts,
    async stop() {
      await notifier.stop()
      await hub.stop()
      await peers.stop()
      await fastify.close()
      await live.stop()
      await pool.end()
      await replica?.stop()
    },
  }
}
