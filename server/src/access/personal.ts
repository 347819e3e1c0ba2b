import type { Principal } from './principal.ts'

/** Who tells of a trouble, as people write it down: 报修人王小明, 联系人：李四, reporter: Zhang San. */
const named =
  /(报告人|报修人|举报人|联系人|来电人|反映人)([:：\s]*)(\p{Script=Han})(\p{Script=Han}{1,3})|\b([Rr]eporter|[Cc]aller|[Cc]ontact)(\s*:\s*)(\p{Lu})\p{L}*(?:\s+\p{Lu}\p{L}*)?/gu
/** Mobile and landline numbers of the country, written together or in groups, with its code or without. */
const phone = /(?<!\d)(?:\+?86[-\s]?)?(?:1[3-9]\d[-\s]?\d{4}[-\s]?\d{4}|0\d{2,3}[-\s]\d{7,8}|0\d{10,11})(?!\d)/g
const mail = /([\w.+-])[\w.+-]*(?=@[\w-]+\.[\w.-]+)/g

const digits = (text: string): string => {
  const all = text.replace(/\D/g, '')
  return `${all.slice(0, 3)}****${all.slice(-4)}`
}

/** A free text without what it says of persons: numbers, addresses, and the names of those who reported something. */
export const withoutPersonal = (text: string): string =>
  text
    .replace(mail, '$1…')
    .replace(phone, digits)
    .replace(named, (_all, zh?: string, gap?: string, first?: string, rest?: string, en?: string, space?: string, letter?: string) =>
      zh === undefined ? `${en}${space}${letter}…` : `${zh}${gap}${first}${'*'.repeat(rest?.length ?? 0)}`,
    )

/** Whoever acts on alarms has to reach people; others read what happened, and not of whom. */
export const textsFor = ({ permissions }: Principal): ((text: string) => string) => (permissions.has('act') ? (text) => text : withoutPersonal)
