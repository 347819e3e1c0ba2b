import type { ScreenReport, ScreenSettings } from '@yiping/contract'
import type { Queryable } from './connection.ts'

/** Times are epoch ms. */
export interface ScreenRow {
  id: number
  name: string
  settings: ScreenSettings
  createdAt: number
  pairedAt: number | null
  lastSeenAt: number | null
  report: ScreenReport | null
}

const columns = 'id, name, settings, created_at as "createdAt", paired_at as "pairedAt", last_seen_at as "lastSeenAt", last_report as report'

/** All that are not revoked, by name. */
export async function loadScreens(db: Queryable): Promise<ScreenRow[]> {
  const { rows } = await db.query<ScreenRow>(`select ${columns} from screen where revoked_at is null order by name, id`)
  return rows
}

export async function loadScreen(db: Queryable, id: number): Promise<ScreenRow | null> {
  const { rows } = await db.query<ScreenRow>(`select ${columns} from screen where id = $1 and revoked_at is null`, [id])
  return rows[0] ?? null
}

/** The screen of a credential, by its SHA-256. */
export async function findScreen(db: Queryable, credentialHash: Buffer): Promise<ScreenRow | null> {
  const { rows } = await db.query<ScreenRow>(`select ${columns} from screen where credential_hash = $1 and revoked_at is null`, [credentialHash])
  return rows[0] ?? null
}

/** What is null stays as it is. */
export async function changeScreen(db: Queryable, id: number, change: { name: string | null; settings: ScreenSettings | null }): Promise<ScreenRow | null> {
  const { rows } = await db.query<ScreenRow>(
    `update screen set name = coalesce($2, name), settings = coalesce($3::jsonb, settings) where id = $1 and revoked_at is null returning ${columns}`,
    [id, change.name, change.settings === null ? null : JSON.stringify(change.settings)],
  )
  return rows[0] ?? null
}

export async function revokeScreen(db: Queryable, id: number, now: number): Promise<boolean> {
  const { rowCount } = await db.query('update screen set revoked_at = to_timestamp($2::float8 / 1000) where id = $1 and revoked_at is null', [id, now])
  return rowCount === 1
}

export async function seeScreen(db: Queryable, id: number, now: number, report: ScreenReport): Promise<void> {
  await db.query('update screen set last_seen_at = to_timestamp($2::float8 / 1000), last_report = $3::jsonb where id = $1', [id, now, JSON.stringify(report)])
}
