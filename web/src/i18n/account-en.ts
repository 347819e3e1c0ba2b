import type zh from './account-zh-CN.ts'

type Shape<T> = { [K in keyof T]: T[K] extends string ? string : Shape<T[K]> }

export default {
  signIn: {
    title: 'Sign in',
    username: 'Username',
    password: 'Password',
    capitals: 'Caps Lock is on',
    go: 'Sign in',
    busy: 'Signing in…',
    byLink: 'Signing in by link…',
    or: 'or',
    sso: 'Sign in with {name}',
    screenAsk: 'Is this a screen for a wall?',
    screenPair: 'Pair this screen',
    instead: 'Sign in instead',
    enterIt: 'An operator enters this code on the page “Screens”',
    dropped: 'The pairing of this screen was revoked',
    isScreen: 'This is the screen “{name}”',
    isScreenMore: 'A paired screen only shows; nobody signs in at it. To sign in here, revoke its credential on the page “Screens” first.',
    toWall: 'Back to the wall',
    away: 'No link to the server, trying again',
    wait: 'try again in {n} s',
    why: {
      login_refused: 'Wrong username or password',
      login_throttled: 'Too many attempts',
      link_over: 'This sign-in link was used or is over: ask an administrator for a new one',
      unreachable: 'No link to the server: try again soon',
      timeout: 'The server did not answer in time: try again soon',
      not_ready: 'The server is starting: try again soon',
      database_unavailable: 'The database is out of reach: try again soon',
      sso: 'Single sign-on did not work ({code})',
      other: 'Not signed in ({code})',
    },
  },
} satisfies Shape<typeof zh>
