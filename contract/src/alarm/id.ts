/** Two rounds of 32 bits over the text, mixed into 53 (cyrb53): no secret, only spread. */
function spread(text: string, seed: number): number {
  let a = 0xdeadbeef ^ seed
  let b = 0x41c6ce57 ^ seed
  for (let i = 0; i < text.length; i += 1) {
    const c = text.charCodeAt(i)
    a = Math.imul(a ^ c, 2_654_435_761)
    b = Math.imul(b ^ c, 1_597_334_677)
  }
  a = Math.imul(a ^ (a >>> 16), 2_246_822_507) ^ Math.imul(b ^ (b >>> 13), 3_266_489_909)
  b = Math.imul(b ^ (b >>> 16), 2_246_822_507) ^ Math.imul(a ^ (a >>> 13), 3_266_489_909)
  return 4_294_967_296 * (2_097_151 & (b >>> 0)) + (a >>> 0)
}

/** Id of an occurrence: the same for the same rule, subject and moment (epoch ms), in 22 characters that need no escape in a URL. */
export function alarmId(rule: string, subject: string, activeAt: number): string {
  const text = `${rule}\n${subject}\n${activeAt}`
  return [0, 1].map((seed) => spread(text, seed).toString(36).padStart(11, '0')).join('')
}
