import { EnvironmentError } from '@yiping/contract'
import { describe, expect, it } from 'vitest'
import { rolesIn, subjectKey, usernamesFor } from '../src/access/claims.ts'
import { Seal } from '../src/access/seal.ts'
import { placeOf } from '../src/access/sso.ts'
import { rolesOf, type SsoEnvironment, ssoSettings } from '../src/access/sso-settings.ts'

describe('the settings of single sign-on', () => {
  const rest = { HOST: '127.0.0.1', OIDC_SCOPES: 'openid', OIDC_ROLE_CLAIM: 'groups', OIDC_NAME: 'SSO' }
  const whole = { ...rest, OIDC_ISSUER: 'https://id.example/realms/city/', OIDC_CLIENT_ID: 'yiping', OIDC_CLIENT_SECRET: 'a secret of tests' }
  const faults = (env: SsoEnvironment): readonly string[] => {
    try {
      ssoSettings(env)
      return []
    } catch (error) {
      return error instanceof EnvironmentError ? error.faults : [String(error)]
    }
  }

  it('are none where nothing is set, and whole otherwise', () => {
    expect(ssoSettings(rest)).toBeNull()
    expect(ssoSettings({ ...whole, PUBLIC_URL: 'https://yiping.example/' })).toMatchObject({
      clientId: 'yiping',
      publicUrl: 'https://yiping.example',
      roles: null,
    })
    expect(faults({ ...rest, OIDC_ISSUER: 'https://id.example' })).toEqual([
      'OIDC_CLIENT_ID is not set, but OIDC_ISSUER is',
      'OIDC_CLIENT_SECRET is not set, but OIDC_ISSUER is',
    ])
    expect(faults({ ...rest, OIDC_ROLES: 'a=operator' })[0]).toBe('OIDC_ISSUER is not set, but OIDC_ROLES is')
  })

  it('send no secret over a network in the clear, and know where browsers come back to', () => {
    expect(faults({ ...whole, OIDC_ISSUER: 'http://id.example' })).toEqual([expect.stringContaining('http only on this machine')])
    expect(faults({ ...whole, OIDC_ISSUER: 'http://127.0.0.1.example' })).toEqual([expect.stringContaining('http only on this machine')])
    for (const host of ['localhost', '127.0.0.1', '[::1]']) expect(faults({ ...whole, OIDC_ISSUER: `http://${host}:9000` })).toEqual([])
    expect(faults({ ...whole, HOST: '0.0.0.0' })).toEqual([expect.stringContaining('PUBLIC_URL is not set')])
    expect(faults({ ...whole, HOST: '0.0.0.0', PUBLIC_URL: 'https://yiping.example' })).toEqual([])
  })

  it('map values to roles, distinguished names too', () => {
    expect(rolesOf('yiping-admin=administrator, yiping-duty = operator')).toEqual([
      { value: 'yiping-admin', role: 'administrator' },
      { value: 'yiping-duty', role: 'operator' },
    ])
    expect(rolesOf('CN=duty,OU=water,DC=city=operator,x=analyst')).toEqual([
      { value: 'CN=duty,OU=water,DC=city', role: 'operator' },
      { value: 'x', role: 'analyst' },
    ])
    for (const wrong of ['', 'x', 'x=', '=operator', 'x=chief', 'x=operator,y', 'x=operators']) expect([wrong, rolesOf(wrong)]).toEqual([wrong, null])
    expect(faults({ ...whole, OIDC_ROLES: 'x=chief' })).toEqual([expect.stringContaining('OIDC_ROLES="x=chief"')])
  })
})

describe('claims', () => {
  const roles = rolesOf('a=operator,b=operator,c=analyst')
  it('give the roles that their values stand for, each once', () => {
    expect(rolesIn({ groups: ['b', 'a', 'other', 7, null] }, { roles, roleClaim: 'groups' })).toEqual(['operator'])
    expect(rolesIn({ groups: 'c' }, { roles, roleClaim: 'groups' })).toEqual(['analyst'])
    expect(rolesIn({ realm_access: { roles: ['c'] } }, { roles, roleClaim: 'realm_access.roles' })).toEqual(['analyst'])
    expect(rolesIn({ 'https://city.example/roles': ['a'] }, { roles, roleClaim: 'https://city.example/roles' })).toEqual(['operator'])
    for (const claims of [{}, { groups: null }, { groups: { a: true } }, { groups: 'a,c' }]) expect(rolesIn(claims, { roles, roleClaim: 'groups' })).toEqual([])
    expect(rolesIn({}, { roles, roleClaim: 'constructor.name' })).toEqual([])
    expect(rolesIn({ groups: ['a'] }, { roles: null, roleClaim: 'groups' })).toBeNull()
  })
  it('give names that an account may have', () => {
    const key = subjectKey('https://id.example', '1')
    expect(usernamesFor({ preferred_username: '.-王 lei!@city' }, key)[0]).toBe('lei@city')
    expect(usernamesFor({ email: 'w@city.example' }, key)[0]).toBe('w@city.example')
    for (const name of usernamesFor({ preferred_username: 'x'.repeat(300) }, key)) expect(name).toMatch(/^[A-Za-z0-9][A-Za-z0-9_.@-]{0,63}$/)
    expect(usernamesFor({ preferred_username: 7 }, key)).toEqual([expect.stringMatching(/^sso-[0-9a-f]{8}$/)])
  })
})

it('what is sealed is opened by who has the secret, unchanged and for its purpose alone', () => {
  const seal = new Seal('a secret of tests', 'issuer client')
  const text = seal.close('pending', { state: '状' })
  expect(new Seal('a secret of tests', 'issuer client').open('pending', text)).toEqual({ state: '状' })
  expect(text).not.toContain('state')
  const changed = `${text.slice(0, -2)}${text.endsWith('AA') ? 'BB' : 'AA'}`
  for (const [purpose, given] of [
    ['ending', text],
    ['pending', changed],
    ['pending', ''],
    ['pending', 'x'],
    ['pending', text.slice(4)],
  ] as const)
    expect(seal.open(purpose, given)).toBeNull()
  expect(new Seal('another secret', 'issuer client').open('pending', text)).toBeNull()
  expect(new Seal('a secret of tests', 'issuer other').open('pending', text)).toBeNull()
})

it('a place to go on to is one of this site', () => {
  for (const good of ['/', '/alarms?q=1#x', '/wall/water']) expect(placeOf(good)).toBe(good)
  for (const bad of [
    undefined,
    '',
    'alarms',
    '//x.example',
    '/.//x.example',
    '/\\x.example',
    '/\n/x.example',
    'https://x.example',
    '/sign-in?next=/',
    '/api/v1/export',
    `/${'x'.repeat(3000)}`,
  ])
    expect([bad, placeOf(bad)]).toEqual([bad, '/'])
})
