import fc from 'fast-check'
import protobuf from 'protobufjs/light.js'
import { describe, expect, it } from 'vitest'
import { buildRebirthCommand, parseSparkplugSnapshot, SparkplugDecoder } from '../src/decode/sparkplug.ts'
import { datatypes, shortestFloat } from '../src/decode/sparkplug-value.ts'

// The device's side: an encoder of its own with the specification's names, so that a field number that is wrong in the
// decoder cannot be wrong here alike.
const field = (type: string, id: number) => ({ type, id })
const many = (type: string, id: number) => ({ rule: 'repeated', type, id })
const wire = protobuf.Root.fromJSON({
  nested: {
    Payload: {
      edition: 'proto2',
      fields: {
        timestamp: field('uint64', 1),
        metrics: many('Metric', 2),
        seq: field('uint64', 3),
        uuid: field('string', 4),
        body: field('bytes', 5),
      },
      nested: {
        Metric: {
          fields: {
            name: field('string', 1),
            alias: field('uint64', 2),
            timestamp: field('uint64', 3),
            datatype: field('uint32', 4),
            is_historical: field('bool', 5),
            is_transient: field('bool', 6),
            is_null: field('bool', 7),
            metadata: field('MetaData', 8),
            properties: field('PropertySet', 9),
            int_value: field('uint32', 10),
            long_value: field('uint64', 11),
            float_value: field('float', 12),
            double_value: field('double', 13),
            boolean_value: field('bool', 14),
            string_value: field('string', 15),
            bytes_value: field('bytes', 16),
            dataset_value: field('DataSet', 17),
            template_value: field('Template', 18),
          },
        },
        MetaData: { fields: { content_type: field('string', 2), description: field('string', 8) } },
        DataSet: { fields: { num_of_columns: field('uint64', 1), columns: many('string', 2), types: many('uint32', 3) } },
        Template: { fields: { version: field('string', 1), metrics: many('Metric', 2) } },
        PropertySet: { fields: { keys: many('string', 1), values: many('PropertyValue', 2) } },
        PropertyValue: {
          fields: {
            type: field('uint32', 1),
            is_null: field('bool', 2),
            int_value: field('uint32', 3),
            long_value: field('uint64', 4),
            string_value: field('string', 8),
            propertyset_value: field('PropertySet', 9),
          },
        },
      },
    },
  },
}).lookupType('Payload')
type Fields = Record<string, unknown>
const encode = (payload: Fields): Uint8Array => wire.encode(wire.fromObject(payload)).finish()

const at = 1_763_769_600_000
const flow = { name: 'ws.flow', alias: 1, datatype: datatypes.Double, double_value: 418.2 }
const pressure = { name: 'pump room/north/ws.pressure', alias: 2, datatype: datatypes.Float, float_value: 0.352 }
const level = { name: 'ws.level', alias: 3, datatype: datatypes.Int16, int_value: 65_535 }
const bdSeq = (n: number) => ({ name: 'bdSeq', datatype: datatypes.Int64, long_value: n })

/** One decoder and the messages of one edge `E` in group `G`, each a second after the other. */
function scene(decoder = new SparkplugDecoder()) {
  let now = at
  const send = (message: string, payload: Fields, { edge = 'E', device = 'D', later = 1000 } = {}) => {
    now += later
    return decoder.decode(`spBv1.0/G/${message}/${edge}${message.startsWith('D') ? `/${device}` : ''}`, encode(payload), now)
  }
  return {
    decoder,
    send,
    nodeBirth: (seq = 0, death = 7) => send('NBIRTH', { timestamp: at, seq, metrics: [bdSeq(death), flow] }),
    deviceBirth: (seq = 1, metrics: Fields[] = [pressure, level]) => send('DBIRTH', { timestamp: at, seq, metrics }),
    data: (seq: number, metrics: Fields[], more = {}) => send('DDATA', { timestamp: at, seq, metrics }, more),
  }
}
const born = () => {
  const s = scene()
  s.nodeBirth()
  s.deviceBirth()
  return s
}
const nothing = { source: 'sparkplug', domain: null, received: 0, values: [], refusals: [], rebirth: null, offline: [], online: [] }
const reasons = (decoded: { refusals: { reason: string }[] }) => decoded.refusals.map((r) => r.reason)

describe('a birth', () => {
  it('brings values under the station’s code, that of the edge or of the device, and says that it is there', () => {
    const s = scene()
    expect(s.nodeBirth()).toEqual({
      ...nothing,
      received: 1,
      values: [{ station: 'E', metric: 'ws.flow', ts: at, value: 418.2 }],
      online: ['E'],
    })
    expect(s.deviceBirth()).toEqual({
      ...nothing,
      received: 2,
      values: [
        { station: 'D', metric: 'ws.pressure', ts: at, value: 0.352 },
        { station: 'D', metric: 'ws.level', ts: at, value: -1 },
      ],
      online: ['D'],
    })
  })

  it('counts no metric of the protocol as a reading', () => {
    const control = (name: string) => ({ name, datatype: datatypes.Boolean, boolean_value: false })
    const metrics = [bdSeq(0), control('Node Control/Rebirth'), control('Device Control/Reboot')]
    expect(scene().send('NBIRTH', { timestamp: at, seq: 0, metrics }).received).toBe(0)
  })

  it('with a metric that has no name keeps the others', () => {
    const decoded = scene().send('NBIRTH', { seq: 0, metrics: [flow, { alias: 9, datatype: 10, double_value: 1 }, { double_value: 1 }] })
    expect([decoded.received, decoded.values.length, reasons(decoded)]).toEqual([3, 1, ['metric_unknown', 'payload_malformed']])
  })

  it('ends the aliases of the edge and of its devices', () => {
    const s = born()
    expect(s.data(2, [{ alias: 2, float_value: 1.5 }]).values).toHaveLength(1)
    s.nodeBirth()
    const decoded = s.data(1, [{ alias: 2, float_value: 1.5 }])
    expect([decoded.received, reasons(decoded), decoded.rebirth]).toEqual([1, ['metric_unknown'], { group: 'G', edge: 'E' }])
  })

  it('that gives one alias to two names leaves the alias unknown rather than guess', () => {
    const s = scene()
    s.nodeBirth()
    s.deviceBirth(1, [pressure, { ...level, alias: 2 }])
    expect(reasons(s.data(2, [{ alias: 2, int_value: 4 }]))).toEqual(['metric_unknown'])
  })
})

describe('data', () => {
  it('is read by alias with the datatype of the birth, and by name', () => {
    const s = born()
    const decoded = s.data(2, [
      { alias: 2, float_value: 0.14 },
      { alias: 3, int_value: 0xffff_fffe },
      { name: 'ws.level', int_value: 0xfffe },
    ])
    expect(decoded.values.map((v) => [v.station, v.metric, v.value])).toEqual([
      ['D', 'ws.pressure', 0.14],
      ['D', 'ws.level', -2],
      ['D', 'ws.level', -2],
    ])
    expect([decoded.rebirth, decoded.refusals]).toEqual([null, []])
    expect(s.send('NDATA', { seq: 3, metrics: [{ alias: 1, double_value: 3 }] }).values).toEqual([{ station: 'E', metric: 'ws.flow', ts: undefined, value: 3 }])
  })

  it('knows alias 0', () => {
    const s = scene()
    s.nodeBirth()
    s.deviceBirth(1, [{ ...level, alias: 0 }])
    expect(s.data(2, [{ alias: 0, int_value: 5 }]).values[0]?.value).toBe(5)
  })

  it('has the metric’s time, else the message’s, else none; and says what is historical', () => {
    const s = born()
    const metrics = [
      { alias: 2, float_value: 1, timestamp: at - 60_000, is_historical: true },
      { alias: 3, int_value: 1 },
    ]
    expect(s.data(2, metrics).values).toEqual([
      { station: 'D', metric: 'ws.pressure', ts: at - 60_000, value: 1, historical: true },
      { station: 'D', metric: 'ws.level', ts: at, value: 1 },
    ])
    expect(s.send('DDATA', { seq: 3, metrics: [{ alias: 3, int_value: 1 }] }).values[0]?.ts).toBeUndefined()
  })

  it('of an unknown alias is refused beside what is known, and asks for the birth', () => {
    const decoded = born().data(2, [
      { alias: 99, float_value: 1 },
      { alias: 2, float_value: 1.5 },
    ])
    expect([decoded.received, decoded.values.length, reasons(decoded)]).toEqual([2, 1, ['metric_unknown']])
    expect(decoded.rebirth).toEqual({ group: 'G', edge: 'E' })
  })

  it('of nobody’s birth is taken as far as it explains itself', () => {
    const decoded = scene().data(5, [
      { name: 'a', float_value: 0.5 },
      { name: 'b', int_value: 255 },
      { name: 'c', datatype: datatypes.Int8, int_value: 255 },
      { alias: 4, int_value: 1 },
    ])
    expect(decoded.values.map((v) => v.value)).toEqual([0.5, -1])
    expect(reasons(decoded)).toEqual(['payload_malformed', 'metric_unknown'])
    expect(decoded.rebirth).toEqual({ group: 'G', edge: 'E' })
  })

  it('that a birth did not name is taken too; an integer without a datatype is refused and asks for the birth', () => {
    const s = born()
    const float = s.data(2, [{ name: 'ws.new', float_value: 0.5 }])
    expect([float.values[0]?.metric, float.rebirth]).toEqual(['ws.new', null])
    const integer = s.data(3, [{ name: 'ws.new', int_value: 5 }])
    expect([reasons(integer), integer.rebirth]).toEqual([['payload_malformed'], { group: 'G', edge: 'E' }])
  })

  it('under the names of JavaScript’s own insides is data like any other', () => {
    const s = scene()
    for (const [i, name] of ['__proto__', 'constructor', 'toString'].entries()) {
      const decoded = s.send('DBIRTH', { seq: i, metrics: [{ name, alias: 1, datatype: 10, double_value: i }] }, { edge: name, device: name })
      expect(decoded.values).toEqual([{ station: name, metric: name, ts: undefined, value: i }])
      expect(s.data(i + 1, [{ alias: 1, double_value: 8 }], { edge: name, device: name }).values[0]?.metric).toBe(name)
    }
    expect(new SparkplugDecoder(JSON.parse(JSON.stringify(s.decoder.snapshot()))).snapshot()).toEqual(s.decoder.snapshot())
    expect(Object.keys({})).toEqual([])
  })
})

describe('the sequence', () => {
  it('goes from 255 to 0 without a gap', () => {
    const s = scene()
    s.nodeBirth(253)
    s.deviceBirth(254)
    expect([255, 0, 1].map((seq) => s.data(seq, [{ alias: 3, int_value: 1 }]).rebirth)).toEqual([null, null, null])
  })

  it('with a gap asks for a birth, takes the known values all the same, and asks until the birth comes, every ten seconds', () => {
    const s = born()
    const asked = [4, 5, 6].map((seq) => s.data(seq, [{ alias: 3, int_value: 1 }]))
    expect(asked.map((d) => [d.values.length, d.rebirth !== null])).toEqual([
      [1, true],
      [1, false],
      [1, false],
    ])
    expect(s.data(7, [], { later: 7_999 }).rebirth).toBeNull()
    expect(s.data(8, [], { later: 1 }).rebirth).not.toBeNull()
    s.nodeBirth()
    s.deviceBirth()
    expect(s.data(2, [], { later: 60_000 }).rebirth).toBeNull()
  })

  it('once more the same is a second delivery, and an absent one a zero', () => {
    const s = born()
    expect(s.data(2, []).rebirth).toBeNull()
    expect(s.data(2, []).rebirth).toBeNull()
    const quiet = scene()
    quiet.send('NBIRTH', { metrics: [flow] })
    expect(quiet.send('NDATA', { metrics: [{ alias: 1, double_value: 1 }] }).rebirth).toBeNull()
  })

  it('is asked for edge by edge, and also after our clock was set back', () => {
    const s = scene()
    const gone = (edge: string, later: number) => s.send('NDATA', { seq: 1, metrics: [] }, { edge, later }).rebirth
    expect(gone('A', 1)).toEqual({ group: 'G', edge: 'A' })
    expect(gone('B', 1)).toEqual({ group: 'G', edge: 'B' })
    expect(gone('A', 1)).toBeNull()
    expect(gone('A', -3_600_000)).toEqual({ group: 'G', edge: 'A' })
  })

  it('is asked for with a bounded memory of whom we asked: the one asked longest ago is forgotten', () => {
    const s = scene(new SparkplugDecoder(undefined, { edges: 2, devices: 2, metrics: 2 }))
    const asked = ['A', 'B', 'C', 'B', 'A'].map((edge) => s.send('NDATA', { seq: 1, metrics: [] }, { edge, later: 1 }).rebirth?.edge ?? null)
    expect(asked).toEqual(['A', 'B', 'C', null, 'A'])
    const again = [10_001, 1, 1].map((later, i) => s.send('NDATA', { seq: 1, metrics: [] }, { edge: 'CBC'[i] ?? '', later }).rebirth?.edge ?? null)
    expect(again).toEqual(['C', 'B', null])
  })

  it('covers births and deaths of devices', () => {
    const s = scene()
    s.nodeBirth()
    expect(s.deviceBirth(2).rebirth).not.toBeNull()
    const t = born()
    expect(t.send('DDEATH', { timestamp: at, seq: 3 }).rebirth).not.toBeNull()
  })
})

describe('a death', () => {
  it('of a device takes it offline and ends its aliases', () => {
    const s = born()
    expect(s.send('DDEATH', { timestamp: at, seq: 2 })).toEqual({ ...nothing, offline: ['D'] })
    expect(reasons(s.data(3, [{ alias: 2, float_value: 1 }]))).toEqual(['metric_unknown'])
  })

  it('of an edge takes it and all its devices offline', () => {
    const s = born()
    expect(s.send('NDEATH', { metrics: [bdSeq(7)] })).toEqual({ ...nothing, offline: ['E', 'D'] })
    expect(s.decoder.snapshot().edges).toEqual([])
    expect(s.data(2, [{ alias: 2, float_value: 1 }]).rebirth).toEqual({ group: 'G', edge: 'E' })
  })

  it('of an edge takes a device offline too that was not born again since', () => {
    const s = born()
    s.nodeBirth(0, 8)
    expect(s.send('NDEATH', { metrics: [bdSeq(8)] }).offline).toEqual(['E', 'D'])
  })

  it.each([
    ['an old will', { metrics: [bdSeq(6)] }],
    ['no bdSeq', { timestamp: at }],
  ])('with %s is ignored', (_what, payload) => {
    const s = born()
    expect(s.send('NDEATH', payload)).toEqual(nothing)
    expect(s.data(2, [{ alias: 2, float_value: 1 }]).values).toHaveLength(1)
  })

  it('of an edge that we never heard of says nothing', () => expect(scene().send('NDEATH', { metrics: [bdSeq(6)] })).toEqual(nothing))
})

describe('a value', () => {
  const max64 = '18446744073709551615'
  it.each<[keyof typeof datatypes, Fields, unknown]>([
    ['Int8', { int_value: 0xff }, -1],
    ['Int8', { int_value: 0xffff_ff80 }, -128],
    ['Int8', { int_value: 127 }, 127],
    ['Int8', { long_value: max64 }, -1],
    ['Int16', { int_value: 0x8000 }, -32_768],
    ['Int32', { int_value: 0xffff_ffff }, -1],
    ['Int32', { int_value: 0x7fff_ffff }, 2_147_483_647],
    ['Int32', { long_value: max64 }, -1],
    ['Int64', { long_value: max64 }, -1],
    ['Int64', { long_value: '9007199254740991' }, Number.MAX_SAFE_INTEGER],
    ['UInt8', { int_value: 255 }, 255],
    ['UInt16', { int_value: 65_535 }, 65_535],
    ['UInt32', { int_value: 4_294_967_295 }, 4_294_967_295],
    ['UInt32', { long_value: 4_294_967_295 }, 4_294_967_295],
    ['UInt64', { long_value: 5 }, 5],
    ['UInt64', { int_value: 5 }, 5],
    ['Float', { float_value: 0.14 }, 0.14],
    ['Float', { double_value: 0.14 }, 0.14],
    ['Double', { double_value: Number.NaN }, Number.NaN],
    ['Boolean', { boolean_value: false }, false],
    ['String', { string_value: '开' }, '开'],
    ['Text', { string_value: '' }, ''],
    ['UUID', { string_value: 'u' }, 'u'],
    ['DateTime', { long_value: at }, at],
    ['Double', { is_null: true }, null],
    ['Int8', { is_null: true, int_value: 3 }, null],
  ])('of %s %j reads as %s', (type, value, expected) => {
    const decoded = scene().data(0, [{ name: 'm', datatype: datatypes[type], ...value }])
    expect(decoded.values.map((v) => v.value)).toEqual([expected])
  })

  it.each<[string, number, Fields, string]>([
    ['an Int8 of 300', datatypes.Int8, { int_value: 300 }, 'payload_malformed'],
    ['a UInt8 of 256', datatypes.UInt8, { int_value: 256 }, 'payload_malformed'],
    ['a UInt64 beyond 2^53', datatypes.UInt64, { long_value: '9007199254740993' }, 'value_not_finite'],
    ['an Int64 below -2^53', datatypes.Int64, { long_value: '9223372036854775808' }, 'value_not_finite'],
    ['a Double without its value', datatypes.Double, {}, 'payload_malformed'],
    ['a Boolean that is a text', datatypes.Boolean, { string_value: 'true' }, 'payload_malformed'],
    ['a data set', 16, { dataset_value: { num_of_columns: 1, columns: ['a'], types: [1] } }, 'value_not_finite'],
    ['bytes', 17, { bytes_value: new Uint8Array(3) }, 'value_not_finite'],
    ['a template', 19, { template_value: { version: '1', metrics: [flow] } }, 'value_not_finite'],
    ['a template without datatype', 0, { template_value: { version: '1' } }, 'value_not_finite'],
    ['an array', 22, { bytes_value: new Uint8Array(3) }, 'value_not_finite'],
    ['nothing at all', 0, {}, 'payload_malformed'],
    ['a name of 257 characters', datatypes.Double, { name: 'n'.repeat(257), double_value: 1 }, 'payload_malformed'],
  ])('that is %s is refused', (_what, datatype, value, reason) => {
    const decoded = scene().data(0, [{ name: 'm', datatype, ...value }])
    expect([decoded.received, decoded.values, reasons(decoded)]).toEqual([1, [], [reason]])
  })

  it.each([
    [192, 1],
    [193, 1],
    [500, { value: 1, quality: 'uncertain' }],
    [64, { value: 1, quality: 'uncertain' }],
    [0, { value: 1, quality: 'bad' }],
    [512, { value: 1, quality: 'bad' }],
  ])('of quality %i is %j', (code, expected) => {
    for (const number of [{ int_value: code }, { long_value: code }]) {
      const properties = {
        keys: ['engUnit', 'Quality'],
        values: [
          { type: 12, string_value: 'MPa' },
          { type: 3, ...number },
        ],
      }
      expect(scene().data(0, [{ name: 'm', double_value: 1, properties }]).values[0]?.value).toEqual(expected)
    }
  })

  it('of another property or a null quality is a bare value', () => {
    for (const properties of [{ keys: ['Quality'] }, { keys: ['Quality'], values: [{ is_null: true, int_value: 0 }] }, { values: [{ int_value: 0 }] }])
      expect(scene().data(0, [{ name: 'm', double_value: 1, properties }]).values[0]?.value).toBe(1)
  })

  it('of 32 bits becomes the shortest decimal that is the same float', () => {
    fc.assert(
      fc.property(fc.float(), (float) => {
        expect(Math.fround(shortestFloat(float))).toBe(float)
      }),
    )
    fc.assert(
      fc.property(fc.integer({ min: -999_999, max: 999_999 }), (n) => {
        expect(shortestFloat(Math.fround(n / 1000))).toBe(n / 1000)
      }),
    )
  })
})

describe('what is no Sparkplug message for us', () => {
  it.each([['spBv1.0/STATE/host'], ['STATE/host'], ['spBv1.0/G/NCMD/E'], ['spBv1.0/G/DCMD/E/D']])('%s is passed over', (topic) =>
    expect(new SparkplugDecoder().decode(topic, Buffer.from('{"online":true}'), at)).toEqual(nothing),
  )

  it.each(['spBv1.0/G/NDATA', 'spBv1.0/G/DDATA/E', 'spBv1.0/G/XDATA/E', 'spBv1.0/G', '', `spBv1.0/G/NDATA/${'e'.repeat(257)}`])('%s is refused', (topic) =>
    expect(reasons(new SparkplugDecoder().decode(topic, encode({ seq: 0 }), at))).toEqual(['topic_unknown']),
  )

  it.each([
    ['nothing', new Uint8Array()],
    ['JSON', Buffer.from('{"ws.flow": 1}')],
    ['a cut metric', encode({ seq: 1, metrics: [flow] }).subarray(0, -3)],
    ['a packed payload', encode({ uuid: 'SPBV1.0_COMPRESSED', body: new Uint8Array(9) })],
  ])('%s is one malformed reading', (_what, payload) => {
    const decoded = new SparkplugDecoder().decode('spBv1.0/G/NDATA/E', payload, at)
    expect([decoded.received, decoded.values, reasons(decoded)]).toEqual([1, [], ['payload_malformed']])
  })

  it('too large in bytes or in metrics is refused with all of them', () => {
    const decode = (payload: Uint8Array) => new SparkplugDecoder().decode('spBv1.0/G/NDATA/E', payload, at)
    expect(decode(new Uint8Array(1024 * 1024 + 1)).refusals[0]?.reason).toBe('payload_too_large')
    // Two bytes a metric: as many as a message can hold.
    const decoded = decode(Buffer.alloc(1024 * 1024, Buffer.from([0x12, 0x00])))
    expect([decoded.received, decoded.refusals[0]?.reason]).toEqual([524_288, 'payload_too_large'])
    expect(decode(Buffer.alloc(20_000, Buffer.from([0x12, 0x00]))).received).toBe(10_000)
  })
})

describe('the state', () => {
  it('outlives the process: aliases, sequence, wills and deaths go on', () => {
    const s = born()
    const text = JSON.stringify(s.decoder.snapshot())
    const saved = parseSparkplugSnapshot(text)
    const after = scene(new SparkplugDecoder(saved ?? undefined))
    expect(after.decoder.snapshot()).toEqual(JSON.parse(text))
    expect(after.decoder.changed).toBe(0)
    const decoded = after.data(2, [{ alias: 2, float_value: 1.5 }])
    expect([decoded.values[0]?.metric, decoded.rebirth]).toEqual(['ws.pressure', null])
    expect(after.data(4, [{ alias: 2, float_value: 1.5 }]).rebirth).not.toBeNull()
    expect(after.send('NDEATH', { metrics: [bdSeq(6)] }).offline).toEqual([])
    expect(after.send('NDEATH', { metrics: [bdSeq(7)] }).offline).toEqual(['E', 'D'])
  })

  it('is also kept of a device that waits for its birth and of an edge that never had one', () => {
    const s = born()
    s.nodeBirth()
    s.send('DBIRTH', { seq: 3, metrics: [pressure] }, { edge: 'unborn' })
    const saved = s.decoder.snapshot()
    expect(saved.edges.map((e) => [e.edge, e.birth === null, e.birthWanted, e.devices.map((d) => d.birth?.length ?? null)])).toEqual([
      ['E', false, false, [null]],
      ['unborn', true, true, [1]],
    ])
    expect(new SparkplugDecoder(saved).snapshot()).toEqual(saved)
  })

  it('is not taken from what is no snapshot', () => {
    for (const text of ['', '{', 'null', '{"version":1}', '{"version":2,"edges":[]}', '{"version":1,"edges":[{}]}'])
      expect(parseSparkplugSnapshot(text)).toBeNull()
    expect(parseSparkplugSnapshot('{"version":1,"edges":[]}')).toEqual({ version: 1, edges: [] })
  })

  it('counts its changes: births, deaths and gaps, and not each message', () => {
    const s = scene()
    const steps: [string, () => unknown][] = [
      ['birth of the edge', () => s.nodeBirth()],
      ['birth of the device', () => s.deviceBirth()],
      ['gap', () => s.data(9, [])],
      ['death of the device', () => s.send('DDEATH', { seq: 10 })],
      ['death of the edge', () => s.send('NDEATH', { metrics: [bdSeq(7)] })],
    ]
    for (const [what, step] of steps) {
      const before = s.decoder.changed
      step()
      expect(s.decoder.changed, what).toBeGreaterThan(before)
    }
    s.nodeBirth()
    const before = s.decoder.changed
    s.send('NDATA', { seq: 1, metrics: [{ alias: 1, double_value: 1 }] })
    expect(s.decoder.changed).toBe(before)
  })

  it('is bounded in edges, devices and metrics; what dies makes room', () => {
    const s = scene(new SparkplugDecoder(undefined, { edges: 2, devices: 2, metrics: 4 }))
    const edge = (name: string, metrics: Fields[] = [flow]) => reasons(s.send('NBIRTH', { seq: 0, metrics }, { edge: name }))
    const device = (name: string, metrics: Fields[] = []) => reasons(s.send('DBIRTH', { seq: 1, metrics }, { edge: 'A', device: name }))
    expect([edge('A'), edge('B'), edge('C'), edge('A')]).toEqual([[], [], ['payload_too_large'], []])
    expect([device('1'), device('2'), device('3'), device('1')]).toEqual([[], [], ['payload_too_large'], []])
    expect([device('1', [pressure, level]), device('2', [flow]), device('1', [pressure, level])]).toEqual([[], ['payload_too_large'], []])
    s.send('DDEATH', { seq: 2 }, { edge: 'A', device: '1' })
    expect(device('3', [pressure, level])).toEqual([])
    s.send('NDEATH', { seq: 0 }, { edge: 'A' })
    expect([edge('C', [flow, pressure, level]), edge('B', [flow, pressure])]).toEqual([[], ['payload_too_large']])
    expect(s.decoder.snapshot().edges.map((e) => e.edge)).toEqual(['B', 'C'])
  })

  it('a birth for which there is no room counts every reading as refused', () => {
    const s = scene(new SparkplugDecoder(undefined, { edges: 1, devices: 1, metrics: 1 }))
    const decoded = s.deviceBirth()
    expect([decoded.received, decoded.values, decoded.refusals[0]?.readings, decoded.online]).toEqual([2, [], 2, []])
  })
})

describe('the rebirth command', () => {
  it('is a command to the edge to send its births again, and no command to us', () => {
    const command = buildRebirthCommand({ group: 'G', edge: 'E' }, at)
    expect(command.topic).toBe('spBv1.0/G/NCMD/E')
    expect(wire.toObject(wire.decode(command.payload), { longs: Number })).toEqual({
      timestamp: at,
      metrics: [{ name: 'Node Control/Rebirth', datatype: 11, boolean_value: true }],
    })
    expect(new SparkplugDecoder().decode(command.topic, command.payload, at)).toEqual(nothing)
  })
})

describe('whatever comes', () => {
  const kinds = ['NBIRTH', 'NDATA', 'NDEATH', 'DBIRTH', 'DDATA', 'DDEATH'] as const
  const topicOf = (kind: string) => `spBv1.0/G/${kind}/E${kind.startsWith('D') ? '/D' : ''}`
  const rich = encode({
    timestamp: at,
    seq: 3,
    metrics: [
      bdSeq(7),
      { ...pressure, timestamp: at, is_historical: true, properties: { keys: ['Quality', 'nested'], values: [{ int_value: 500 }, { propertyset_value: {} }] } },
      { ...level, metadata: { description: 'd' } },
      { name: 'set', datatype: 16, dataset_value: { num_of_columns: 1, columns: ['a'], types: [1] } },
      { name: 'template', datatype: 19, template_value: { version: '1', metrics: [flow, { name: 'deep', template_value: { metrics: [flow] } }] } },
    ],
  })
  const holds = (decoder: SparkplugDecoder, topic: string, payload: Uint8Array) => {
    const decoded = decoder.decode(topic, payload, at)
    expect(decoded.received).toBe(decoded.values.length + decoded.refusals.reduce((n, r) => n + r.readings, 0))
    return decoded
  }

  it('a message cut at any byte never throws and accounts for its readings', () => {
    for (const kind of kinds)
      for (let length = 0; length <= rich.length; length += 1) {
        const { decoder } = born()
        holds(decoder, topicOf(kind), rich.subarray(0, length))
        expect(new SparkplugDecoder(decoder.snapshot()).snapshot()).toEqual(decoder.snapshot())
      }
  })

  it('nor does one with bytes changed, put in or left out, and the state stays one that can be saved', () => {
    const { decoder } = born()
    const edit = fc.record({ at: fc.nat(rich.length - 1), remove: fc.nat(3), insert: fc.uint8Array({ maxLength: 3 }) })
    fc.assert(
      fc.property(fc.array(edit, { minLength: 1, maxLength: 4 }), fc.constantFrom(...kinds), (edits, kind) => {
        let bytes = Buffer.from(rich)
        for (const e of edits) bytes = Buffer.concat([bytes.subarray(0, e.at), e.insert, bytes.subarray(e.at + e.remove)])
        holds(decoder, topicOf(kind), bytes)
        const saved = decoder.snapshot()
        expect(parseSparkplugSnapshot(JSON.stringify(saved))).toEqual(saved)
      }),
      { numRuns: 2000 },
    )
  })

  it('nor do any bytes at all under any topic', () => {
    const topic = fc.oneof(
      fc.string(),
      fc.array(fc.constantFrom('spBv1.0', 'G', 'STATE', ...kinds, 'E', ''), { maxLength: 5 }).map((a) => a.join('/')),
    )
    const decoder = new SparkplugDecoder()
    fc.assert(fc.property(topic, fc.uint8Array({ maxLength: 64 }), (t, bytes) => void holds(decoder, t, bytes)))
  })

  it('and what an edge says in good order is read as it said it, without a question', () => {
    const metric = fc.record({ alias: fc.nat(4), value: fc.double({ noNaN: true }) })
    fc.assert(
      fc.property(fc.array(fc.array(metric, { maxLength: 4 }), { maxLength: 300 }), fc.nat(255), (messages, first) => {
        const s = scene()
        s.nodeBirth(first)
        s.deviceBirth(
          (first + 1) % 256,
          Array.from({ length: 5 }, (_, i) => ({ name: `m${i}`, alias: i, datatype: datatypes.Double, is_null: true })),
        )
        for (const [i, metrics] of messages.entries()) {
          const decoded = s.data(
            (first + 2 + i) % 256,
            metrics.map((m) => ({ alias: m.alias, double_value: m.value })),
          )
          expect(decoded.rebirth).toBeNull()
          expect(decoded.values.map((v) => [v.metric, v.value])).toEqual(metrics.map((m) => [`m${m.alias}`, m.value]))
        }
      }),
      { numRuns: 30 },
    )
  })
})
