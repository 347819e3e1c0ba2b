import { expect, it } from 'vitest'
import { despiteGoneChunks } from '../src/chunk-gone.ts'

const fault = (code: string, message: string): Error => Object.assign(new Error(message), { code })

it.each([
  ['42P01', 'relation "_timescaledb_internal._hyper_1_7_chunk" does not exist'],
  ['XX000', 'could not open relation with OID 17960'],
])('a chunk that goes while it is asked for (%s) is asked for again, and not for ever', async (code, message) => {
  let asked = 0
  const answer = await despiteGoneChunks(() => (++asked < 3 ? Promise.reject(fault(code, message)) : Promise.resolve('size')))
  expect([answer, asked]).toEqual(['size', 3])
  asked = 0
  await expect(despiteGoneChunks(() => Promise.reject(fault(code, `${message} ${++asked}`)))).rejects.toThrow(message)
  expect(asked).toBe(5)
})
it('another fault is told at once', async () => {
  let asked = 0
  await expect(despiteGoneChunks(() => Promise.reject(fault('57014', `cancelled ${++asked}`)))).rejects.toThrow('cancelled 1')
})
