import type { Language } from '../format/number.ts'
import { createMessages, type Translate, type Words } from '../i18n/index.ts'

/** The product's own words, outside a component. */
export function wordsOf(language: Language): Words {
  const { t } = createMessages(language).global
  const translate: Translate = (key, named) => (named ? t(key, named) : t(key))
  return { t: translate, name: (text) => (language === 'en' ? text.en : text.zh), language: () => language }
}
