/**
 * What the wire front has to recognise in the text of a statement. Not a parser: it knows where
 * statements end and which characters are literals or comments, and looks at first words.
 */

/** Texts without any of these words need no closer look; spares scanning a long INSERT. */
const WORTH_A_LOOK = /\b(?:copy|listen|unlisten|discard|deallocate)\b/i

const DOLLAR_QUOTE = /\$(?:[A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y

function endOfQuoted(sql: string, from: number, quote: string, backslashes: boolean): number {
  for (let at = from + 1; at < sql.length; at++) {
    if (backslashes && sql[at] === '\\') at++
    else if (sql[at] === quote) {
      if (sql[at + 1] !== quote) return at + 1
      at++
    }
  }
  return sql.length
}

function endOfBlockComment(sql: string, from: number): number {
  let depth = 0
  for (let at = from; at < sql.length; at++) {
    if (sql.startsWith('/*', at)) {
      depth++
      at++
    } else if (sql.startsWith('*/', at)) {
      depth--
      at++
      if (depth === 0) return at + 1
    }
  }
  return sql.length
}

/** True when the e of E'…' stands alone and is not the end of a word. */
function isEscapeString(sql: string, quoteAt: number): boolean {
  return /(?:^|[^\w$\u0080-\uffff])[eE]$/.test(sql.slice(Math.max(0, quoteAt - 2), quoteAt))
}

/** The statements of a text without comments, and with '' for each literal. */
export function bareStatements(sql: string): string[] {
  const statements: string[] = []
  let bare = ''
  let at = 0
  while (at < sql.length) {
    const char = sql[at] as string
    if (char === "'") {
      at = endOfQuoted(sql, at, "'", isEscapeString(sql, at))
      bare += "''"
    } else if (char === '"') {
      const end = endOfQuoted(sql, at, '"', false)
      bare += sql.slice(at, end)
      at = end
    } else if (char === '-' && sql[at + 1] === '-') {
      const end = sql.indexOf('\n', at)
      at = end < 0 ? sql.length : end
      bare += ' '
    } else if (char === '/' && sql[at + 1] === '*') {
      at = endOfBlockComment(sql, at)
      bare += ' '
    } else if (char === '$') {
      DOLLAR_QUOTE.lastIndex = at
      const tag = /[\w$\u0080-\uffff]/.test(sql[at - 1] ?? '') ? null : DOLLAR_QUOTE.exec(sql)?.[0]
      if (tag) {
        const end = sql.indexOf(tag, at + tag.length)
        at = end < 0 ? sql.length : end + tag.length
        bare += "''"
      } else {
        bare += char
        at++
      }
    } else if (char === ';') {
      statements.push(bare.trim())
      bare = ''
      at++
    } else {
      bare += char
      at++
    }
  }
  statements.push(bare.trim())
  return statements.filter((statement) => statement !== '')
}

export type ChannelChange = { kind: 'listen'; channel: string } | { kind: 'unlisten'; channel: string } | { kind: 'unlisten-all' }

export interface Findings {
  /** The text has COPY … FROM STDIN; `alone` when that is all it has. */
  copyFromStdin: { alone: boolean; binary: boolean } | null
  channels: ChannelChange[]
  /** The whole text is a command that would empty the one session under everybody's feet. */
  sessionWide: 'DISCARD ALL' | 'DEALLOCATE ALL' | null
}

const NOTHING: Findings = { copyFromStdin: null, channels: [], sessionWide: null }

const COPY_FROM_STDIN = /^copy\b[\s\S]*\bfrom\s+stdin\b/i
const BINARY = /^copy\s+binary\b|\bstdin\b[\s\S]*\bbinary\b/i
const CHANNEL = /^(listen|unlisten)\s+(\*|"(?:[^"]|"")+"|[^\s"]+)$/i

/** As Postgres folds it: lower case unless quoted. */
function channelName(identifier: string): string {
  return identifier.startsWith('"') ? identifier.slice(1, -1).replaceAll('""', '"') : identifier.toLowerCase()
}

function channelChanges(statements: string[]): ChannelChange[] {
  const changes: ChannelChange[] = []
  for (const statement of statements) {
    const match = CHANNEL.exec(statement)
    if (!match?.[1] || !match[2]) continue
    const kind = match[1].toLowerCase() === 'listen' ? 'listen' : 'unlisten'
    if (match[2] !== '*') changes.push({ kind, channel: channelName(match[2]) })
    else if (kind === 'unlisten') changes.push({ kind: 'unlisten-all' })
  }
  return changes
}

function sessionWide(statements: string[]): Findings['sessionWide'] {
  const only = statements.length === 1 ? statements[0] : undefined
  if (only === undefined) return null
  if (/^discard\s+all$/i.test(only)) return 'DISCARD ALL'
  if (/^deallocate\s+(?:prepare\s+)?all$/i.test(only)) return 'DEALLOCATE ALL'
  return null
}

export function inspect(sql: string): Findings {
  if (!WORTH_A_LOOK.test(sql)) return NOTHING
  const statements = bareStatements(sql)
  const copy = statements.find((statement) => COPY_FROM_STDIN.test(statement))
  // A literal is '' by now, but FORMAT takes its value quoted as well: for that the full text is read.
  const binary = copy !== undefined && (BINARY.test(copy) || /\bformat\s+'binary'/i.test(sql))
  return {
    copyFromStdin: copy === undefined ? null : { alone: statements.length === 1, binary },
    channels: channelChanges(statements),
    sessionWide: sessionWide(statements),
  }
}
