import { createPool } from './connection.ts'
import { inTransaction } from './in-transaction.ts'

const insufficientPrivilege = '42501'

/** `pack-readings`: from its next start on ingest writes readings in the form of docs/adr/0026. What is stored stays as it is. Says what happened. */
export async function packReadings(url: string): Promise<string> {
  const pool = createPool({ connectionString: url, applicationName: 'yiping-db', max: 1 })
  try {
    return await inTransaction(pool, async (client) => {
      const { rows } = await client.query<{ packed: boolean }>('select packed from reading_form for update')
      if (rows[0]?.packed === true) return 'readings are packed already'
      await client.query('select let_minutes_read_packed()')
      await client.query('update reading_form set packed = true')
      return 'readings are packed from the next start of ingest on; those that are stored stay as they are'
    })
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === insufficientPrivilege)
      throw new Error(
        'the roll-up of minutes is to read the new form, and its views stand in a schema of TimescaleDB: a superuser grants the owner `create on schema _timescaledb_internal` for this command, or runs it',
        { cause: error },
      )
    throw error
  } finally {
    await pool.end()
  }
}
