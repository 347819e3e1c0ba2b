/** pg-cursor ships no types; this is what the tests use of it. */
declare module 'pg-cursor' {
  import type { Connection, QueryResultRow, Submittable } from 'pg'

  export default class Cursor<Row extends QueryResultRow = QueryResultRow> implements Submittable {
    constructor(text: string, values?: unknown[])
    read(maxRows: number): Promise<Row[]>
    close(): Promise<void>
    submit(connection: Connection): void
  }
}
