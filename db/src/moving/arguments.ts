export interface Arguments {
  named: Map<string, string>
  flags: Set<string>
  rest: string[]
}

/** What follows the names that take a value, the flags, and whatever else is said. */
export function argumentsOf(args: readonly string[], named: readonly string[], flags: readonly string[]): Arguments {
  const out: Arguments = { named: new Map(), flags: new Set(), rest: [] }
  const left = [...args]
  for (let arg = left.shift(); arg !== undefined; arg = left.shift())
    if (named.includes(arg)) {
      const value = left.shift()
      if (value === undefined) throw new Error(`${arg} is followed by nothing`)
      out.named.set(arg, value)
    } else if (flags.includes(arg)) out.flags.add(arg)
    else if (arg.startsWith('--')) throw new Error(`${arg} is not known here`)
    else out.rest.push(arg)
  return out
}
