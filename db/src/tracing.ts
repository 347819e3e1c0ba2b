import { AsyncLocalStorage } from 'node:async_hooks'
import { setTimeout as delay } from 'node:timers/promises'
import type { Context, Span, TextMapPropagator, Tracer } from '@opentelemetry/api'

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>
/** As OpenTelemetry numbers them: its packages are loaded only where somebody wants traces. */
export const spanKinds = { internal: 0, server: 1, client: 2 } as const
const failed = 2

export interface TraceSpan {
  readonly traceId: string
  readonly spanId: string
  set: (attributes: SpanAttributes) => void
  fail: (why: string) => void
  end: () => void
}

/** Where a trace of another process goes on, in its own words (W3C Trace Context). */
export interface RemoteTrace {
  traceparent: string | undefined
  tracestate: string | undefined
}

/** A stop does not wait longer for a collector that answers nothing, ms. */
const flushMs = 2000

interface Own extends TraceSpan {
  context: Context
}

/**
 * Traces to a collector. What is to be sent waits in a queue with a bound (OTEL_BSP_MAX_QUEUE_SIZE, 2048 spans) and is dropped
 * beyond it, so that a collector that is away costs nobody anything.
 */
export class Tracing {
  readonly #current = new AsyncLocalStorage<Own>()

  private constructor(
    private readonly api: typeof import('@opentelemetry/api'),
    private readonly tracer: Tracer,
    private readonly propagator: TextMapPropagator,
    private readonly shutdown: () => Promise<void>,
  ) {}

  /**
   * Where to, which of them, and what is said of the process: the standard OTEL_… variables, which the packages read themselves.
   * `onFault`: spans do not arrive; told once.
   */
  static async start(service: string, version: string, onFault: (why: string) => void = () => {}): Promise<Tracing> {
    const [api, core, sdk, resources, exporter] = await Promise.all([
      import('@opentelemetry/api'),
      import('@opentelemetry/core'),
      import('@opentelemetry/sdk-trace-base'),
      import('@opentelemetry/resources'),
      import('@opentelemetry/exporter-trace-otlp-http'),
    ])
    let told = false
    core.setGlobalErrorHandler((fault) => {
      if (!told) onFault(typeof fault === 'string' ? fault : 'message' in fault ? String(fault.message) : (fault.name ?? 'unknown'))
      told = true
    })
    const provider = new sdk.BasicTracerProvider({
      resource: resources
        .resourceFromAttributes({ 'service.name': service, 'service.version': version })
        .merge(resources.detectResources({ detectors: [resources.envDetector] })),
      spanProcessors: [new sdk.BatchSpanProcessor(new exporter.OTLPTraceExporter())],
    })
    return new Tracing(api, provider.getTracer('yiping', version), new core.W3CTraceContextPropagator(), () => provider.shutdown())
  }

  /** What the work that runs now belongs to. */
  get active(): TraceSpan | null {
    return this.#current.getStore() ?? null
  }

  /** A span below the active one; without one, below the remote one, or at the top of a trace of its own. */
  begin(name: string, kind: keyof typeof spanKinds, attributes: SpanAttributes = {}, remote?: RemoteTrace): TraceSpan {
    const { ROOT_CONTEXT, defaultTextMapGetter, trace } = this.api
    const above =
      this.#current.getStore()?.context ?? (remote === undefined ? ROOT_CONTEXT : this.propagator.extract(ROOT_CONTEXT, remote, defaultTextMapGetter))
    const span = this.tracer.startSpan(name, { kind: spanKinds[kind], attributes }, above)
    return own(span, trace.setSpan(above, span))
  }

  /** Runs `work` and all that follows from it with the span as the active one. */
  within<T>(span: TraceSpan, work: () => T): T {
    return this.#current.run(span as Own, work)
  }

  /** A span as long as `work` takes, which failed when that does. */
  async spanned<T>(name: string, attributes: SpanAttributes, work: (span: TraceSpan) => Promise<T>): Promise<T> {
    const span = this.begin(name, 'internal', attributes)
    try {
      return await this.within(span, () => work(span))
    } catch (error) {
      span.fail(wordOf(error))
      throw error
    } finally {
      span.end()
    }
  }

  /** Sends what waits, as long as that takes no time worth mentioning. */
  async stop(): Promise<void> {
    await Promise.race([this.shutdown().catch(() => {}), delay(flushMs, undefined, { ref: false })])
  }
}

function own(span: Span, context: Context): Own {
  const { traceId, spanId } = span.spanContext()
  return {
    traceId,
    spanId,
    context,
    set: (attributes) => void span.setAttributes(attributes),
    fail: (message) => void span.setStatus({ code: failed, message }),
    end: () => span.end(),
  }
}

/** What went wrong without its words, in which values of a row may stand. */
export const wordOf = (error: unknown): string =>
  error instanceof Error && 'code' in error && typeof error.code === 'string' ? error.code : error instanceof Error ? error.name : 'error'

/** What a line of a log says of where it belongs; nothing outside a trace. */
export const traceOfLog = (tracing: Tracing | null) => (): Record<string, string> => {
  const span = tracing?.active ?? null
  return span === null ? {} : { trace_id: span.traceId, span_id: span.spanId }
}
