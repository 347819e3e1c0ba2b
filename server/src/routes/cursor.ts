import { ProblemError } from '../plugins/problem.ts'

/** An opaque cursor: where the next page goes on. */
export const cursorOut = (key: string): string => Buffer.from(key, 'utf8').toString('base64url')
export function cursorIn(cursor: string): string {
  const key = Buffer.from(cursor, 'base64url').toString('utf8')
  if (key === '' || cursorOut(key) !== cursor) throw new ProblemError(400, 'cursor_invalid', 'Not a cursor of ours', cursor)
  return key
}

/** The cursor of a list that goes down by number. */
export function numberIn(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined
  const number = Number(cursorIn(cursor))
  if (!Number.isSafeInteger(number)) throw new ProblemError(400, 'cursor_invalid', 'Not a cursor of ours', cursor)
  return number
}
