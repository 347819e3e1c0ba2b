import { useI18n } from 'vue-i18n'
import en from '../../i18n/account-en.ts'
import zh from '../../i18n/account-zh-CN.ts'
import { useWords, type Words } from '../../i18n/index.ts'

/** The words of everything about accounts come with the first of its pages. */
export function useAccountWords(): Words {
  const { mergeLocaleMessage, getLocaleMessage } = useI18n({ useScope: 'global' })
  if (!('signIn' in getLocaleMessage('zh-CN'))) {
    mergeLocaleMessage('zh-CN', zh)
    mergeLocaleMessage('en', en)
  }
  return useWords()
}
