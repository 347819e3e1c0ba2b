import Type, { type Static } from 'typebox'

/** A text in the two languages that every screen speaks. */
export const Bilingual = Type.Object({ zh: Type.String({ minLength: 1 }), en: Type.String({ minLength: 1 }) })
export type Bilingual = Static<typeof Bilingual>

/** The utilities that ship first. The list is data: another utility is another row. */
export const domains = [
  { code: 'water', name: { zh: '供水', en: 'Water' } },
  { code: 'gas', name: { zh: '燃气', en: 'Gas' } },
  { code: 'heating', name: { zh: '供热', en: 'Heating' } },
  { code: 'drainage', name: { zh: '排水', en: 'Drainage' } },
] as const satisfies readonly { code: string; name: Bilingual }[]

export type DomainCode = (typeof domains)[number]['code']
export const domainCodes = domains.map((d) => d.code)
export const DomainCode = Type.Enum(['water', 'gas', 'heating', 'drainage'])

export const isDomainCode = (text: string): text is DomainCode => (domainCodes as readonly string[]).includes(text)
