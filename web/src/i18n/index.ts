import type { Bilingual } from '@yiping/contract/screen'
import { createI18n, useI18n } from 'vue-i18n'
import type { Language } from '../format/number.ts'
import en from './en.ts'
import zh from './zh-CN.ts'

/** Words a message key; what pure functions take instead of a whole i18n instance. */
export type Translate = (key: string, named?: Record<string, string | number>) => string

export const createMessages = (language: Language) => createI18n({ legacy: false, locale: language, fallbackLocale: 'zh-CN', messages: { 'zh-CN': zh, en } })

export interface Words {
  t: Translate
  /** The name in the screen's language. */
  name: (text: Bilingual) => string
  language: () => Language
}

type Worded = (key: string, named: Record<string, unknown>, plural?: number) => string

/** English has a form for one. A count comes as a number, which chooses it by itself, or as it is shown. */
export function counted(t: Worded): Translate {
  return (key, named = {}) => {
    const count = named.n ?? named.stations
    return typeof count === 'string' ? t(key, named, count === '1' ? 1 : 2) : t(key, named)
  }
}

export function useWords(): Words {
  const { t, locale } = useI18n()
  const language = (): Language => (locale.value === 'en' ? 'en' : 'zh-CN')
  return {
    t: counted(t),
    name: (text) => (language() === 'en' ? text.en : text.zh),
    language,
  }
}
