import { buildTopic, type DomainCode } from '@yiping/contract'
import type { Pool } from '@yiping/db'
import mqtt, { type MqttClient } from 'mqtt'

export interface Device {
  station: string
  domain: DomainCode
  metric: string
}

/** Devices that measure without a pause, with a ledger of their own: what the broker has acknowledged. They know nothing of who listens. */
export class Devices {
  /** Station and moment → value. */
  readonly ledger = new Map<string, number>()
  readonly #last = new Map<string, number>()
  readonly #open = new Set<Promise<unknown>>()
  #n = 0
  #flow: NodeJS.Timeout | undefined

  private constructor(
    private readonly client: MqttClient,
    private readonly devices: readonly Device[],
  ) {}

  static async connect(url: string, devices: readonly Device[]): Promise<Devices> {
    const client = await mqtt.connectAsync(url, { protocolVersion: 4, clean: false, clientId: 'devices', reconnectPeriod: 100 })
    client.on('error', () => {})
    return new Devices(client, devices)
  }

  #measure(): void {
    const device = this.devices[this.#n % this.devices.length]
    if (device === undefined) return
    this.#n += 1
    const { station, domain, metric } = device
    const ts = Math.max(Date.now(), (this.#last.get(station) ?? 0) + 1)
    this.#last.set(station, ts)
    const value = (this.#n % 1000) / 1000
    const sent = this.client
      .publishAsync(buildTopic({ kind: 'telemetry', domain, station }), JSON.stringify({ ts, values: { [metric]: value } }), { qos: 1 })
      .then(() => this.ledger.set(`${station} ${ts}`, value))
      .finally(() => this.#open.delete(sent))
    this.#open.add(sent)
  }

  /** So many messages every 10 ms. */
  flow(perTick: number): void {
    this.#flow = setInterval(() => {
      for (let i = 0; i < perTick; i += 1) this.#measure()
    }, 10)
  }
  /** Resolves when the broker has everything. */
  async pause(): Promise<void> {
    clearInterval(this.#flow)
    while (this.#open.size > 0) await Promise.all(this.#open)
  }
  async stop(): Promise<void> {
    clearInterval(this.#flow)
    for (const sent of this.#open) sent.catch(() => {})
    await this.client.endAsync(true)
  }

  /** The last of each device: what a wall shows in the end. */
  get newest(): Map<string, number> {
    return new Map([...this.#last].map(([station, ts]) => [station, this.ledger.get(`${station} ${ts}`) ?? Number.NaN]))
  }

  async count(pool: Pool): Promise<number> {
    return (await pool.query<{ n: number }>('select count(*)::int as n from reading')).rows[0]?.n ?? 0
  }
  /** Beside the ledger, identity by identity: an identity is in the table once by its index. */
  async compare(pool: Pool): Promise<{ stored: number; lost: number; wrong: number; strange: number }> {
    const { rows } = await pool.query<{ code: string; at: number; value: number }>(
      'select s.code, r.observed_at as at, r.value from plain_reading r join point p on p.id = r.point_id join station s on s.id = p.station_id',
    )
    const stored = new Map(rows.map((r) => [`${r.code} ${r.at}`, r.value]))
    const taken = [...this.ledger]
    return {
      stored: rows.length,
      lost: taken.filter(([key]) => !stored.has(key)).length,
      wrong: taken.filter(([key, value]) => stored.has(key) && stored.get(key) !== value).length,
      strange: [...stored.keys()].filter((key) => !this.ledger.has(key)).length,
    }
  }
}
