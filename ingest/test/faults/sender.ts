import { buildTopic } from '@yiping/contract'
import type { Pool } from '@yiping/db'
import mqtt, { type MqttClient } from 'mqtt'
import { expect } from 'vitest'

/**
 * An independent sender with its own ledger: every reading has an identity of its own and a value that can be told from
 * it, and stands in the ledger as soon as the broker has acknowledged it. It knows nothing of ingest.
 */
export class Sender {
  /** Identity → value of what the broker has taken. */
  readonly ledger = new Map<string, number>()
  #client: MqttClient
  #n = 0
  #open = new Set<Promise<unknown>>()
  #base: number
  #flow: NodeJS.Timeout | undefined

  private constructor(
    client: MqttClient,
    private readonly stations: readonly string[],
    ageMs: number,
  ) {
    this.#client = client
    this.#base = Date.now() - ageMs
  }

  /** `ageMs`: how old its first reading says it is. */
  static async connect(url: string, stations: readonly string[], ageMs = 300_000): Promise<Sender> {
    const client = mqtt.connect(url, { clientId: `sender-${Math.random().toString(36).slice(2)}`, protocolVersion: 4, clean: false, reconnectPeriod: 100 })
    client.on('error', () => {})
    await new Promise<void>((resolve) => client.once('connect', () => resolve()))
    return new Sender(client, stations, ageMs)
  }

  /** Publishes `count` messages of one reading each, without waiting for their acknowledgements. */
  send(count: number): void {
    for (let i = 0; i < count; i += 1) {
      const n = this.#n
      this.#n += 1
      const station = this.stations[n % this.stations.length] ?? ''
      const ts = this.#base + Math.floor(n / this.stations.length)
      const value = (n % 1000) / 1000
      const sent = this.#client
        .publishAsync(buildTopic({ kind: 'telemetry', domain: 'water', station }), JSON.stringify({ ts, values: { 'ws.pressure': value } }), { qos: 1 })
        .then(() => {
          this.ledger.set(`${station} ${ts}`, value)
        })
        .finally(() => this.#open.delete(sent))
      this.#open.add(sent)
    }
  }

  /** Sends `perTick` messages every 10 ms until the answer is called. */
  flow(perTick: number): () => void {
    clearInterval(this.#flow)
    this.#flow = setInterval(() => this.send(perTick), 10)
    return () => clearInterval(this.#flow)
  }

  /** Resolves when the broker has acknowledged everything so far. */
  async acknowledged(): Promise<void> {
    while (this.#open.size > 0) await Promise.all(this.#open)
  }

  async stop(): Promise<void> {
    clearInterval(this.#flow)
    // What is still open ends with the client, and is not in the ledger.
    for (const sent of this.#open) sent.catch(() => {})
    await this.#client.endAsync(true)
  }

  /** What the table holds of it, compared identity by identity. */
  async compare(pool: Pool): Promise<{ lost: string[]; wrong: string[]; stored: number; strange: number }> {
    const { rows } = await pool.query<{ code: string; observed_at: number; value: number }>(
      `select s.code, r.observed_at, r.value from plain_reading r join point p on p.id = r.point_id join station s on s.id = p.station_id
       where s.code = any($1) and p.metric = 'ws.pressure'`,
      [this.stations],
    )
    const stored = new Map(rows.map((r) => [`${r.code} ${r.observed_at}`, r.value]))
    return {
      lost: [...this.ledger.keys()].filter((k) => !stored.has(k)).slice(0, 10),
      wrong: [...this.ledger].filter(([k, v]) => stored.has(k) && stored.get(k) !== v).map(([k]) => k),
      stored: rows.length,
      strange: [...stored.keys()].filter((k) => !this.ledger.has(k)).length,
    }
  }

  /** How many of its readings are in the table; null while the database does not answer. */
  async count(pool: Pool): Promise<number | null> {
    return pool
      .query<{ n: number }>(
        'select count(*)::int as n from reading r join point p on p.id = r.point_id join station s on s.id = p.station_id where s.code = any($1)',
        [this.stations],
      )
      .then(
        ({ rows }) => rows[0]?.n ?? 0,
        () => null,
      )
  }

  /** Nothing lost, nothing doubled, nothing invented; and the account closes in every minute. */
  async expectWhole(pool: Pool): Promise<void> {
    expect(await this.compare(pool)).toEqual({ lost: [], wrong: [], stored: this.ledger.size, strange: 0 })
    const { rows } = await pool.query<{ open: number; stored: number; received: number; settled: number }>(
      `select count(*) filter (where not closes)::int as open, sum(stored)::int as stored, sum(received)::int as received,
              sum(stored + duplicate + conflict + rejected + waiting)::int as settled from ingest_balance`,
    )
    expect(rows[0]?.open).toBe(0)
    expect(rows[0]?.settled).toBe(rows[0]?.received)
  }
}
