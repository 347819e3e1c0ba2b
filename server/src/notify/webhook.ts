import { createHmac } from 'node:crypto'

export const signatureHeader = 'x-yiping-signature'

/** `t=<epoch s>,v1=<hex>`: the time is signed with the body, so that an old message cannot be sent again as a new one. */
export const sign = (body: string, secret: string, at: number): string => {
  const t = Math.floor(at / 1000)
  return `t=${t},v1=${createHmac('sha256', secret).update(`${t}.${body}`).digest('hex')}`
}

/** Sends one message; throws what kept it from being taken. The id is the same whenever it is tried again. */
export async function postWebhook(url: string, message: { id: string; body: string; secret: string | null; at: number; timeoutMs: number }): Promise<void> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      'content-type': 'application/json; charset=utf-8',
      'idempotency-key': message.id,
      ...(message.secret === null ? {} : { [signatureHeader]: sign(message.body, message.secret, message.at) }),
    },
    body: message.body,
    // An answer that sends us elsewhere is none: a signed body goes to the address that was given.
    redirect: 'manual',
    signal: AbortSignal.timeout(message.timeoutMs),
  })
  // The connection is given back only when the answer is read.
  await response.arrayBuffer()
  if (!response.ok) throw new Error(`the receiver answered ${response.status}`)
}
