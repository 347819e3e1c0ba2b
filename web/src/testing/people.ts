import { permissions, permissionsOf, type MeAnswer, type Permission, type Role } from '@yiping/contract/screen'
import { shallowRef } from 'vue'
import type { Me, Standing } from '../feed/me.ts'

export const administrator: MeAnswer = {
  ...{ kind: 'account', id: 1, username: 'admin', name: '王班长', roles: ['administrator'], permissions: [...permissions] },
  ...{ districts: null, domains: null, hasPassword: true, sso: false, expiresAt: '2026-11-24T08:00:00+08:00' },
}
/** Somebody with one role. */
export const personAs = (role: Role, more: Partial<MeAnswer> = {}): MeAnswer => ({
  ...administrator,
  id: 2,
  username: role,
  roles: [role],
  permissions: [...permissionsOf[role]],
  ...more,
})

/** Somebody who is here without having been asked for. */
export function someone(answer: MeAnswer | null = administrator, at: Standing = answer === null ? 'out' : 'in'): Me {
  const standing = shallowRef<Standing>(at)
  const who = shallowRef<MeAnswer | null>(answer)
  return {
    standing,
    who,
    revoked: shallowRef(0),
    left: shallowRef(false),
    may: (permission: Permission) => who.value?.permissions.includes(permission) ?? false,
    check: async () => undefined,
    enter(next) {
      who.value = next
      standing.value = 'in'
    },
    async signOut() {
      who.value = null
      standing.value = 'out'
    },
  }
}
