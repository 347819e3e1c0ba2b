import type { AnyRole, DomainCode } from '@yiping/contract/screen'
import { domainOrder, useRegistry } from '../../feed/registry.ts'
import { useAccountWords } from './words.ts'

/** How far somebody reaches, in words. */
export function useReach() {
  const { t, name } = useAccountWords()
  const registry = useRegistry()
  const all = (texts: readonly string[]): string => texts.join(t('list.separator'))
  const district = (code: string): string => {
    const known = registry.value.districtName.get(code)
    return known ? name(known) : code
  }
  return {
    rolesText: (roles: readonly AnyRole[]): string => all(roles.map((role) => t(`role.${role}`))),
    districtsText: (codes: readonly string[] | null): string => (codes === null ? t('account.wholeCity') : all(codes.map(district))),
    domainsText: (codes: readonly DomainCode[] | null): string =>
      codes === null ? t('account.allDomains') : all(domainOrder.filter((d) => codes.includes(d)).map((d) => t(`domain.${d}`))),
  }
}
