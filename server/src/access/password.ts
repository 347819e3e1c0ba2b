import { hash, verify } from '@node-rs/argon2'

/** argon2id with 19 MiB, 2 passes, 1 lane: the library's defaults and OWASP's first choice. */
const parameters = { memoryCost: 19_456, timeCost: 2, parallelism: 1 }
/** Each takes a core for some 50 ms: more at a time would only make the city's live figures late. */
const atATime = 1
const waitingAtMost = 50

let running = 0
const queue: (() => void)[] = []

/** Too many sign in at once. */
export class Crowded extends Error {
  override name = 'Crowded'
}

async function inTurn<T>(work: () => Promise<T>): Promise<T> {
  if (running >= atATime) {
    if (queue.length >= waitingAtMost) throw new Crowded('too many passwords to look at')
    await new Promise<void>((resolve) => queue.push(resolve))
  } else running += 1
  try {
    return await work()
  } finally {
    const next = queue.shift()
    if (next) next()
    else running -= 1
  }
}

export const hashPassword = (password: string): Promise<string> => inTurn(() => hash(password, parameters))

let ofNobody: string | null = null
/** Whether it is the password. `kept` null: of nobody, which takes as long, so that the time tells not who exists. */
export async function isPassword(kept: string | null, password: string): Promise<boolean> {
  ofNobody ??= await hashPassword('nobody has this one')
  const against = kept ?? ofNobody
  return (await inTurn(() => verify(against, password))) && kept !== null
}
