export type Language = 'zh-CN' | 'en'
export const languageOf = (text: unknown): Language => (text === 'en' ? 'en' : 'zh-CN')

/** Thin space between thousands reads the same in both languages; the minus is the minus, not a hyphen. */
const thin = '\u2009'
const minus = '\u2212'

/** `decimals` fixed, thousands apart from five digits on (GB/T 15835 and SI leave four together). */
export function formatNumber(value: number, decimals: number): string {
  const text = Math.abs(value).toFixed(decimals)
  const [whole = '', fraction] = text.split('.')
  const grouped = whole.length > 4 ? whole.replace(/\B(?=(\d{3})+$)/g, thin) : whole
  const zero = Number(text) === 0
  return (value < 0 && !zero ? minus : '') + (fraction === undefined ? grouped : `${grouped}.${fraction}`)
}

/** A difference: with its sign, but for nothing. */
export const signed = (value: number, decimals: number): string => {
  const text = formatNumber(value, decimals)
  return value > 0 && /[1-9]/.test(text) ? `+${text}` : text
}

export interface Figure {
  text: string
  /** 万 or 亿 before the unit for Chinese readers; k, M, G at the figure for English ones. */
  scale: string
}

const zhSteps = [
  { at: 1e8, scale: '亿' },
  { at: 1e4, scale: '万' },
]
const enSteps = [
  { at: 1e9, scale: 'G' },
  { at: 1e6, scale: 'M' },
  { at: 1e4, by: 1e3, scale: 'k' },
]

/** A figure for a glance: three leading digits and the scale that readers of the language count in. */
export function compact(value: number, decimals: number, language: Language): Figure {
  const steps: { at: number; by?: number; scale: string }[] = language === 'en' ? enSteps : zhSteps
  for (const step of steps) {
    if (Math.abs(value) < step.at) continue
    const scaled = value / (step.by ?? step.at)
    const digits = Math.max(0, 2 - Math.floor(Math.log10(Math.abs(scaled))))
    return { text: formatNumber(scaled, digits), scale: step.scale }
  }
  return { text: formatNumber(value, decimals), scale: '' }
}

/** Share in %, never rounded up to a full 100 while something is missing. */
export function percent(part: number, whole: number, decimals = 1): string | null {
  if (whole <= 0) return null
  const value = (100 * part) / whole
  const step = 10 ** -decimals
  return formatNumber(part < whole ? Math.min(value, 100 - step) : value, part === whole ? 0 : decimals)
}
