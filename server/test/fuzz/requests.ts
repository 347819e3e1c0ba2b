import { randomFrom, type Random } from './random.ts'
import { type Intent, type Known, type Making, type Schema, madeFor } from './values.ts'

interface Parameter {
  name: string
  in: string
  required?: boolean
  schema: Schema
}
interface Operation {
  parameters?: Parameter[]
  requestBody?: { content: Record<string, { schema: Schema }> }
}
export interface OpenApi {
  paths: Record<string, Record<string, Operation>>
  components?: { schemas?: Record<string, Schema> }
}
export interface FuzzRequest {
  method: string
  /** As the document has it. */
  route: string
  path: string
  headers: Record<string, string>
  body: string | null
}

/** Text that is a part of an address whatever it holds; a lone surrogate is no text of any encoding. */
const encoded = (value: unknown): string => {
  const text = typeof value === 'string' ? value : JSON.stringify(value)
  return encodeURIComponent((text ?? '').replaceAll(/\p{Surrogate}/gu, '\ufffd'))
}
const mostPathText = 300
const intents: readonly Intent[] = ['valid', 'valid', 'edge', 'hostile']

function bodyOf(schema: Schema, making: Making): string {
  const { random } = making
  if (random.chance(0.04)) return random.pick(['', '{', '[]', 'null', '"x"', '{"a":1}}', '\0', '[['.repeat(400), `{"by":"${'x'.repeat(2_000_000)}"}`])
  return JSON.stringify(madeFor(schema, '', random.pick(intents), making)) ?? 'null'
}
function headersOf(random: Random, hasBody: boolean): Record<string, string> {
  const headers: Record<string, string> = hasBody ? { 'content-type': 'application/json' } : {}
  if (random.chance(0.04))
    headers['content-type'] = random.pick(['text/plain', 'application/json; charset=utf-16', 'application/xml', 'multipart/form-data; boundary=x', ';;'])
  if (random.chance(0.04)) headers.authorization = random.pick(['Bearer x', 'Basic AAAA', `Bearer ${'x'.repeat(300)}`, 'Bearer'])
  if (random.chance(0.03)) headers.accept = random.pick(['text/csv', 'image/png', '*/*;q=0'])
  if (random.chance(0.03)) headers['accept-encoding'] = random.pick(['br', 'gzip;q=0', 'identity', 'zstd, nonsense'])
  if (random.chance(0.02)) headers['if-none-match'] = random.pick(['*', '"x"', 'W/"'])
  return headers
}

/** Requests without end for every route of the document, in turn; the same for the same seed. */
export function* fuzzRequests(document: OpenApi, known: Known, seed: number): Generator<FuzzRequest> {
  const random = randomFrom(seed)
  const making: Making = {
    random,
    known,
    resolve: (ref) => document.components?.schemas?.[ref.slice(ref.lastIndexOf('/') + 1)] ?? {},
  }
  const operations = Object.entries(document.paths).flatMap(([route, of]) =>
    Object.entries(of).map(([method, operation]) => ({ method: method.toUpperCase(), route, operation })),
  )
  for (;;) {
    for (const { method, route, operation } of operations) {
      let path = route
      const query: string[] = []
      for (const p of operation.parameters ?? []) {
        const value = (): unknown => madeFor(p.schema, p.name, random.pick(intents), making)
        if (p.in === 'path')
          path = path.replace(
            `{${p.name}}`,
            encoded(value())
              .slice(0, mostPathText)
              .replace(/%[0-9A-F]?$/i, '') || 'x',
          )
        else if (p.in === 'query' && (p.required === true ? random.chance(0.95) : random.chance(0.5))) {
          const text = (): string =>
            `${encodeURIComponent(p.name)}=${encoded(value())
              .slice(0, 6000)
              .replace(/%[0-9A-F]?$/i, '')}`
          query.push(text())
          if (random.chance(0.03)) query.push(text())
        }
      }
      if (random.chance(0.03)) query.push(random.pick(['__proto__=1', 'x[y]=1', '%=%', '&&=', 'limit=1&limit=2']))
      const schema = operation.requestBody?.content['application/json']?.schema
      const wants = method !== 'GET' && method !== 'HEAD'
      const body = wants ? (schema ? bodyOf(schema, making) : random.pick(['{}', '{}', '', 'null', '{"a":1}'])) : null
      yield { method, route, path: query.length > 0 ? `${path}?${query.join('&')}` : path, headers: headersOf(random, wants), body }
    }
  }
}
