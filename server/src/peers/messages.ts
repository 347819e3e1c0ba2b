import { ScreenCommand } from '@yiping/contract'
import Type, { type Static } from 'typebox'
import { Check } from 'typebox/value'

const From = Type.String({ minLength: 1, maxLength: 40, description: 'the process that says it' })
const Ask = Type.String({ minLength: 1, maxLength: 40 })
const Id = Type.Integer({ minimum: 1 })

/** What server processes of one database say to each other. All of it may be lost: what must not be stands in the database. */
export const PeerMessage = Type.Union([
  /** It has just come to listen: say what you have. */
  Type.Object({ kind: Type.Literal('hello'), from: From }),
  /** Screens whose sockets are open there; several messages of one `turn` belong together, a higher one takes their place. */
  Type.Object({ kind: Type.Literal('screens'), from: From, turn: Type.Integer({ minimum: 0 }), ids: Type.Array(Id) }),
  /** A screen has other settings, another name, or was revoked: look it up. */
  Type.Object({ kind: Type.Literal('screen'), from: From, id: Id }),
  Type.Object({ kind: Type.Literal('command'), from: From, ask: Ask, id: Id, command: ScreenCommand }),
  Type.Object({ kind: Type.Literal('answer'), from: From, ask: Ask, done: Type.Boolean() }),
  /** Somebody may something else than before, or nothing any more: ask the database again. */
  Type.Object({ kind: Type.Literal('access'), from: From }),
])
export type PeerMessage = Static<typeof PeerMessage>

export function parsePeerMessage(payload: string): PeerMessage | null {
  let raw: unknown
  try {
    raw = JSON.parse(payload)
  } catch {
    return null
  }
  return Check(PeerMessage, raw) ? raw : null
}
