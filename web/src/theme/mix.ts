const parts = (hex: string): number[] => [1, 3, 5].map((i) => Number.parseInt(hex.slice(i, i + 2), 16))

/** The colour that lies `share` of the way from one token to another. */
export function mix(from: string, to: string, share: number): string {
  const b = parts(to)
  return `#${parts(from)
    .map((x, i) =>
      Math.round(x + ((b[i] ?? x) - x) * share)
        .toString(16)
        .padStart(2, '0'),
    )
    .join('')}`
}
