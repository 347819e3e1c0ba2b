/** Why single sign-on came to nothing, of what the server says in an address. */
export const ssoCodes: ReadonlySet<string> = new Set([
  ...['sso_denied', 'sso_state', 'sso_unreachable', 'sso_clock', 'sso_invalid', 'sso_no_role', 'sso_disabled', 'sso_last_administrator'],
  ...['sso_taken', 'sso_address', 'login_throttled', 'database_unavailable'],
])
