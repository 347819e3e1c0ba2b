/** A number as it is written in full, and no longer. */
export const numberBytes = 25

const [zero, minus, dot] = [48, 45, 46]

/**
 * Like `String(value)`, for finite numbers. What sensors give has few decimals, and is written digit by digit: of at most 15
 * digits no other number has that value.
 */
export function writeNumber(value: number, into: Buffer, from: number): number {
  const size = Math.abs(value)
  const thousandths = Math.round(size * 1000)
  const isShort = thousandths < 2 ** 31 && thousandths / 1000 === size
  const steps = isShort ? thousandths : Math.round(size * 1e6)
  // Below a millionth String() has an exponent.
  if (!isShort && !(steps < 1e15 && steps > 0 && steps / 1e6 === size)) return from + into.write(String(value), from, 'latin1')
  let o = from
  if (value < 0) into[o++] = minus
  const per = isShort ? 1000 : 1e6
  const whole = Math.floor(steps / per)
  o = writeWhole(whole, into, o)
  let rest = steps - whole * per
  if (rest > 0) into[o++] = dot
  for (let unit = per / 10; rest > 0; unit /= 10) {
    const n = Math.floor(rest / unit)
    into[o++] = zero + n
    rest -= n * unit
  }
  return o
}

/** From 0 to 2^53. */
function writeWhole(whole: number, into: Buffer, from: number): number {
  let o = from
  let divisor = 1
  while (divisor * 10 <= whole) divisor *= 10
  for (let rest = whole; divisor >= 1; divisor /= 10) {
    const n = Math.floor(rest / divisor)
    into[o++] = zero + n
    rest -= n * divisor
  }
  return o
}

/** The numbers as an array of JSON; at most `numberBytes` and one more for each, and two. */
export function writeNumbers(values: ArrayLike<number>, into: Buffer, from: number): number {
  let o = from
  into[o++] = 91
  for (let i = 0; i < values.length; i += 1) {
    if (i > 0) into[o++] = 44
    o = writeNumber(values[i] ?? 0, into, o)
  }
  into[o++] = 93
  return o
}
