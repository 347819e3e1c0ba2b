/** A node of a flow file. */
export interface FlowNode extends Record<string, unknown> {
  id: string
  type: string
}

/** What a project with Node-RED builds first: mqtt in (QoS 1, session kept) → function with a pool of pg, one multi-row insert a message. */
export function flow(broker: { host: string; port: number }, clientId: string, topics: readonly string[]): FlowNode[] {
  // Without x and y a node is taken for a configuration and never started.
  return [
    { id: 'tab', type: 'tab', label: 'bench' },
    {
      id: 'broker',
      type: 'mqtt-broker',
      broker: broker.host,
      port: String(broker.port),
      clientid: clientId,
      autoConnect: true,
      usetls: false,
      protocolVersion: '4',
      keepalive: '60',
      cleansession: false,
    },
    ...topics.map((topic, i) => ({
      id: `in${i}`,
      type: 'mqtt in',
      z: 'tab',
      x: 100,
      y: 40 * i,
      topic,
      qos: '1',
      datatype: 'json',
      broker: 'broker',
      wires: [['store']],
    })),
    { id: 'store', type: 'function', z: 'tab', x: 300, y: 40, name: 'store', func: onMessage, initialize: onStart, finalize: '', outputs: 0, wires: [] },
  ]
}

const onStart = `
const pg = global.get('pg')
const pool = new pg.Pool({ connectionString: env.get('DATABASE_URL'), max: 10 })
pool.on('error', () => {})
const { rows } = await pool.query('select p.id, s.code, p.metric from point p join station s on s.id = p.station_id')
context.set('points', new Map(rows.map((r) => [r.code + ' ' + r.metric, r.id])))
context.set('pool', pool)
`

const onMessage = `
const points = context.get('points')
const parts = msg.topic.split('/')
const said = parts[0] === 'city' ? { [parts[2]]: [msg.payload] } : msg.payload
const values = []
const rows = []
for (const station of Object.keys(said))
  for (const sample of said[station])
    for (const metric of Object.keys(sample.values)) {
      const n = values.length
      values.push(points.get(station + ' ' + metric), new Date(sample.ts), new Date(), sample.values[metric], 0)
      rows.push('($' + (n + 1) + ',$' + (n + 2) + ',$' + (n + 3) + ',$' + (n + 4) + ',$' + (n + 5) + ')')
    }
await context.get('pool').query('insert into reading (point_id, observed_at, received_at, value, quality) values ' + rows.join(',') + ' on conflict do nothing', values)
node.done()
`
