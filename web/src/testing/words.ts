import type { Language } from '../format/number.ts'
import { counted, createMessages, type Words } from '../i18n/index.ts'

/** The product's own words, outside a component. */
export function wordsOf(language: Language): Words {
  return { t: counted(createMessages(language).global.t), name: (text) => (language === 'en' ? text.en : text.zh), language: () => language }
}
