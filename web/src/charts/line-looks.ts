import type { DomainCode } from '@yiping/contract/screen'

export interface Look {
  hue: DomainCode
  /** The second line of a hue. */
  dashed: boolean
}

const hues: readonly DomainCode[] = ['water', 'heating', 'drainage', 'gas']

/** Lines that can be told apart: each in its utility's hue while that is free, then in another; after four, dashed. */
export function lineLooks(domains: readonly DomainCode[]): Look[] {
  const taken: string[] = []
  return domains.map((own) => {
    for (const dashed of [false, true])
      for (const hue of [own, ...hues]) {
        const key = `${hue} ${dashed}`
        if (taken.includes(key)) continue
        taken.push(key)
        return { hue, dashed }
      }
    return { hue: own, dashed: true }
  })
}
