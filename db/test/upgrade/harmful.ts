/** What a migration must not do to a schema that processes of the version before still use, and why not. */
const rules: readonly { what: RegExp; why: string }[] = [
  { what: /\bdrop\s+(table|column|view|materialized\s+view|function|schema|type|sequence)\b/i, why: 'takes away what they may read' },
  { what: /\brename\b/i, why: 'takes a name away that they use' },
  { what: /\balter\s+(column\s+)?\S+\s+(set\s+data\s+)?type\b/i, why: 'makes another type of what they send and read' },
  { what: /\bset\s+not\s+null\b/i, why: 'refuses rows that they write' },
  {
    what: /\badd\s+(column\s+)?(if\s+not\s+exists\s+)?(?!constraint\b)\w+\s[^,;]*\bnot\s+null\b(?![^,;]*\b(default|generated)\b)(?<!\bdefault\b[^,;]*)/i,
    why: 'asks of their rows for a value that they do not know',
  },
  {
    what: /\badd\s+(constraint\s+\w+\s+)?(check|unique|foreign\s+key|exclude|primary\s+key)\b(?![^;]*\bnot\s+valid\b)/i,
    why: 'refuses rows that they write, and looks at all that are there under a lock',
  },
  { what: /\b(lock\s+table|truncate)\b/i, why: 'has them wait, or takes what they have' },
]
/** A line of comment before the statement that says why it does no harm all the same. */
const excuse = /--\s*side by side:\s*\S+/i

/** The statements of a migration that would harm, with the reasons. Bodies of functions are theirs who call them, and are left out. */
export function harmful(sql: string): string[] {
  const plain = sql
    .replace(/\$(\w*)\$[\s\S]*?\$\1\$/g, "''")
    .replace(/--[^\n]*|'(?:[^']|'')*'/g, (m) => (m.startsWith("'") ? "''" : excuse.test(m) ? m.replaceAll(';', ',') : ''))
  return plain.split(';').flatMap((statement) => {
    if (excuse.test(statement)) return []
    // What is made here belongs to nobody yet.
    if (/^\s*create\s+(table|view|materialized\s+view|index|function|trigger|type)\b/i.test(statement)) return []
    return rules.flatMap(({ what, why }) => (what.test(statement) ? [`${statement.trim().replace(/\s+/g, ' ').slice(0, 120)}: ${why}`] : []))
  })
}
