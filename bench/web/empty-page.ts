import compress from '@fastify/compress'
import Fastify from 'fastify'

/** A process of its own, with the server's own web framework: one page with one script that writes one word. */
const app = Fastify()
await app.register(compress, { threshold: 1024 })
app.get('/', (_request, reply) =>
  reply
    .type('text/html')
    .send('<!doctype html><meta charset="utf-8"><title>empty</title><div id="app"></div><script type="module" src="/assets/page.js"></script>'),
)
app.get('/assets/page.js', (_request, reply) => reply.type('text/javascript').send("document.getElementById('app').textContent = 'here'"))
const address = await app.listen({ host: '127.0.0.1', port: 0 })

process.on('message', (message) => {
  if (message === 'stop') void app.close().then(() => process.exit(0))
})
process.on('disconnect', () => process.exit(0))
process.send?.({ type: 'ready', address })
