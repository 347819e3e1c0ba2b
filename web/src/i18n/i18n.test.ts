import { expect, it } from 'vitest'
import { wordsOf } from '../testing/words.ts'
import firstEn from './en.ts'
import accountEn from './account-en.ts'
import accountZh from './account-zh-CN.ts'
import historyEn from './history-en.ts'
import historyZh from './history-zh-CN.ts'
import ingestEn from './ingest-en.ts'
import ingestZh from './ingest-zh-CN.ts'
import { createMessages } from './index.ts'
import firstZh from './zh-CN.ts'

/** What is loaded at first, and what comes with a page. */
const zh = { ...firstZh, ...accountZh, ...historyZh, ...ingestZh }
const en = { ...firstEn, ...accountEn, ...historyEn, ...ingestEn }

type Tree = { [key: string]: string | Tree }
const flat = (tree: Tree, at = ''): Record<string, string> =>
  Object.fromEntries(Object.entries(tree).flatMap(([key, v]) => (typeof v === 'string' ? [[`${at}${key}`, v]] : Object.entries(flat(v, `${at}${key}.`)))))
const names = (text: string): string[] => [...text.matchAll(/\{(\w+)\}/g)].map((m) => m[1] ?? '').sort()

it('both languages say everything, with the same blanks to fill', () => {
  const a = flat(zh)
  const b = flat(en)
  expect(Object.keys(b).sort()).toEqual(Object.keys(a).sort())
  for (const [key, text] of Object.entries(a)) {
    const forms = (b[key] ?? '').split(' | ')
    expect([key, names(forms.at(-1) ?? '')]).toEqual([key, names(text)])
    for (const form of forms) expect([key, names(form).every((blank) => text.includes(`{${blank}}`))]).toEqual([key, true])
  }
})
it.each([
  ['zh-CN', zh],
  ['en', en],
] as const)('every message can be worded (%s)', (language, tree) => {
  const i18n = createMessages(language)
  i18n.global.mergeLocaleMessage(language, tree)
  const t = (key: string): string => i18n.global.t(key)
  for (const key of Object.keys(flat(tree))) expect([key, t(key) !== key]).toEqual([key, true])
})
it('English counts: one alarm, two alarms, none of them by a figure that is only shown', () => {
  const { t } = wordsOf('en')
  const said = [0, 1, 2, '0', '1', '21', '1 021'].map((n) => t('say.alarms', { n }))
  expect(said).toEqual(['0 alarms', '1 alarm', '2 alarms', '0 alarms', '1 alarm', '21 alarms', '1 021 alarms'])
  expect(t('say.silentMore', { stations: '1' })).toMatch(/^1 station registered/)
  expect(wordsOf('zh-CN').t('say.alarms', { n: 0 })).toBe('0 条报警')
})

const sources = import.meta.glob<string>(['../**/*.vue', '../**/*.ts', '!../**/*.test.ts', '!../i18n/*', '!../testing/*'], {
  query: '?raw',
  import: 'default',
  eager: true,
})

it('every message asked for by name exists', () => {
  const known = flat(zh)
  for (const [file, text] of Object.entries(sources)) {
    for (const m of text.matchAll(/\bt\('([a-zA-Z.]+)'/g)) expect([file, m[1], known[m[1] ?? ''] !== undefined]).toEqual([file, m[1], true])
  }
})

/** What a template shows without asking anything: text between tags, and plain attributes that are read aloud. */
const spoken = (vue: string): string[] => {
  const template = /<template>([\s\S]*)<\/template>/.exec(vue)?.[1] ?? ''
  const text = template
    .replace(/<svg[\s\S]*?<\/svg>/g, '')
    .replace(/\{\{[\s\S]*?\}\}/g, '')
    .replace(/&\w+;/g, '')
  const nodes = [...text.matchAll(/>([^<>]*)</g)].map((m) => m[1] ?? '')
  const attributes = [...template.matchAll(/\s(?:aria-label|title|placeholder|alt)="([^"]*)"/g)].map((m) => m[1] ?? '')
  return [...nodes, ...attributes].map((s) => s.trim()).filter(Boolean)
}

it('no component holds a number or a word of its own: all of it is data or messages', () => {
  const found: [string, string][] = []
  for (const [file, text] of Object.entries(sources)) {
    if (!file.endsWith('.vue')) continue
    for (const s of spoken(text)) if (/\d|\p{Script=Han}|\p{L}{2,}/u.test(s) && s !== 'Esc') found.push([file, s])
  }
  expect(found).toEqual([])
})
it('the scan would see one', () => {
  expect(spoken('<template><p>{{ x }} 95 %</p><i title="hello" :title="y">—</i></template>')).toEqual(['95 %', '—', 'hello'])
})
it('no Chinese word stands in code outside the messages', () => {
  for (const [file, text] of Object.entries(sources)) {
    const code = text.replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, '')
    if (file.endsWith('format/number.ts')) continue
    expect([file, code.match(/\p{Script=Han}+/u)?.[0]]).toEqual([file, undefined])
  }
})
it('every message is asked for somewhere', () => {
  const code = Object.values(sources).join('\n')
  const used = (key: string): boolean => code.includes(`'${key}'`) || code.includes(`\`${key.slice(0, key.lastIndexOf('.') + 1)}\${`)
  expect(Object.keys(flat(zh)).filter((key) => !used(key))).toEqual([])
})
