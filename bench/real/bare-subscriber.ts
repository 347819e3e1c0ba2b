import mqtt from 'mqtt'

/**
 * The least that a subscriber in Node can do, a process of its own: `bare-subscriber.ts URL CLIENT MESSAGES TOPIC …` begins on
 * `go`, counts what comes at QoS 1 and says `counted` at the last one. With 0 messages it is asked for `waits`: how old each
 * message was by its `ts`.
 */
const [url, clientId, messages, ...topics] = process.argv.slice(2)
if (url === undefined || clientId === undefined || messages === undefined) throw new Error('bare-subscriber.ts URL CLIENT MESSAGES TOPIC …')
const expected = Number(messages)

let count = 0
const waits: number[] = []
function begin(): void {
  const client = mqtt.connect(url as string, { protocolVersion: 4, clean: false, clientId: clientId as string, resubscribe: false })
  if (expected > 0)
    client.on('message', () => {
      count += 1
      if (count === expected) process.send?.({ type: 'counted' })
    })
  else
    client.on('message', (_topic, payload) => {
      waits.push(Date.now() - Number(/"ts":(\d+)/.exec(payload.toString())?.[1]))
    })
  client.on('connect', () => client.subscribe(topics, { qos: 1 }, () => process.send?.({ type: 'subscribed' })))
}
process.on('message', (message) => {
  if (message === 'go') begin()
  if (message === 'waits') process.send?.({ type: 'waits', waits })
  if (message === 'stop') process.exit(0)
})
process.on('disconnect', () => process.exit(0))
process.send?.({ type: 'ready' })
