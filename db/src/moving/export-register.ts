import { rename, rm, writeFile } from 'node:fs/promises'
import writeExcel from 'write-excel-file/node'
import { columns, isMovedKind, type MovedKind } from './columns.ts'
import type { Register } from './register.ts'
import type { Cell } from './sheet.ts'

/** Rows of a kind, in the order of its columns; `import` finds all of them unchanged. */
export function exportRows(kind: MovedKind, { stations, points, rules, users }: Register): Cell[][] {
  const list = (values: readonly string[] | null): string | null => (values === null ? null : values.join(' '))
  const flag = (value: boolean): string => (value ? 'yes' : 'no')
  switch (kind) {
    case 'stations':
      return [...stations.values()].map((s) => [
        ...[s.code, s.name, s.kind, s.domain, s.district, s.lon, s.lat, s.gateway, s.owner, s.feeder],
        ...[flag(s.maintenance), s.origin],
      ])
    case 'points':
      return [...points.values()].map((p) => [p.station, p.metric, p.interval])
    case 'thresholds':
      return rules.flatMap((r) =>
        r.levels.map((l, i) => [
          ...[r.code, r.metric, i + 1, l.severity, l.op, l.value, l.unit, l.holdSamples, l.deadband, r.onDelayS, r.offDelayS],
          ...[l.source, l.evidence, flag(l.sourceVerified), null],
        ]),
      )
    case 'users':
      return [...users.values()].map((u) => [u.username, u.name, list(u.roles), list(u.districts), list(u.domains), flag(u.disabled)])
  }
}

/** What a spreadsheet would take for a formula gets a mark before it, which an import takes away again. */
const guarded = (text: string): string => (/^'?[=+@\t-]/.test(text) ? `'${text}` : text)

function csvCell(cell: Cell): string {
  const text = String(cell ?? '')
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text
}

export const csvText = (rows: readonly (readonly Cell[])[]): string => `\uFEFF${rows.map((r) => r.map(csvCell).join(',')).join('\r\n')}\r\n`

/** A file is there when it is complete. Its columns are called in English, or in Chinese. */
export async function exportRegister(kind: MovedKind, register: Register, file: string, language: 'en' | 'zh'): Promise<number> {
  const header = Object.values(columns[kind]).map((c) => c[language])
  const rows = exportRows(kind, register).map((row) => row.map((cell) => (typeof cell === 'string' ? guarded(cell) : cell)))
  const all = [header, ...rows]
  const part = `${file}.part`
  try {
    if (/\.xlsx$/i.test(file)) await writeFile(part, await writeExcel([{ sheet: kind, data: all, stickyRowsCount: 1 }]).toBuffer())
    else await writeFile(part, csvText(all))
    await rename(part, file)
  } finally {
    await rm(part, { force: true })
  }
  return rows.length
}

export function exportArguments(args: readonly string[]): { kind: MovedKind; file: string; language: 'en' | 'zh' } {
  const [kind = '', file, ...more] = args.filter((a) => a !== '--zh')
  if (!isMovedKind(kind)) throw new Error(`${kind || 'export'}: stations, points, thresholds or users`)
  if (file === undefined || more.length > 0 || !/\.(csv|xlsx)$/i.test(file)) throw new Error('name one file, .csv or .xlsx')
  return { kind, file, language: args.includes('--zh') ? 'zh' : 'en' }
}
