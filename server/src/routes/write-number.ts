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
  const rest = steps - whole * per
  if (rest === 0) return o
  into[o++] = dot
  if (isShort) o = writeThree(rest, into, o)
  else {
    const thousand = Math.floor(rest / 1000)
    o = writeThree(rest - thousand * 1000, into, writeThree(thousand, into, o))
  }
  while (into[o - 1] === zero) o -= 1
  return o
}

/** The digits of 0 to 999, three each: to divide for each digit takes longer than to look three up. */
const threes = Buffer.from(Array.from({ length: 1000 }, (_, n) => String(n).padStart(3, '0')).join(''), 'latin1')

function writeThree(n: number, into: Buffer, o: number): number {
  const at = n * 3
  into[o] = threes[at] as number
  into[o + 1] = threes[at + 1] as number
  into[o + 2] = threes[at + 2] as number
  return o + 3
}

/** From 0 to 2^53. */
function writeWhole(whole: number, into: Buffer, from: number): number {
  if (whole >= 1000) {
    const thousands = Math.floor(whole / 1000)
    return writeThree(whole - thousands * 1000, into, writeWhole(thousands, into, from))
  }
  let o = from
  if (whole >= 100) into[o++] = threes[whole * 3] as number
  if (whole >= 10) into[o++] = threes[whole * 3 + 1] as number
  into[o++] = threes[whole * 3 + 2] as number
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
