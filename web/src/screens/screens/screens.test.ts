import { expect, it } from 'vitest'
import { presenceOf, seenWithinMs, shownKey, viewportOf } from './screens.ts'

const at = Date.parse('2026-11-23T08:00:00+08:00')
const seen = { online: true, lastSeenAt: '2026-11-23T08:00:00+08:00', pairedAt: '2026-11-01T08:00:00+08:00' }

it('a screen is seen now, was seen, was never seen, or has yet to fetch its credential', () => {
  expect([
    presenceOf(seen, at + seenWithinMs),
    presenceOf(seen, at + seenWithinMs + 1),
    presenceOf({ ...seen, online: false }, at),
    presenceOf({ ...seen, online: false, lastSeenAt: null }, at),
    presenceOf({ ...seen, online: true, lastSeenAt: null }, at),
    presenceOf({ ...seen, pairedAt: null }, at),
  ]).toEqual(['now', 'gone', 'gone', 'never', 'now', 'waiting'])
})
it('what it shows and how large is read out of its report', () => {
  expect([shownKey('/'), shownKey('/wall/gas'), shownKey('/wall/overview'), shownKey('/water'), shownKey('/alarms'), shownKey('/nowhere')]).toEqual([
    'nav.overview',
    'domain.gas',
    'nav.overview',
    'domain.water',
    'nav.alarms',
    null,
  ])
  expect([viewportOf('3840×2160@1'), viewportOf(undefined)]).toEqual([{ width: 3840, height: 2160 }, null])
})
