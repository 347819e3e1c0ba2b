import { localTime } from '@yiping/contract/screen'
import { weekdayKey } from '../../format/time.ts'
import type { Words } from '../../i18n/index.ts'

const two = (n: number): string => String(n).padStart(2, '0')

/** A moment on the city's clock with its date and weekday. */
export function momentText(at: number, zone: string, { t }: Words, seconds = false): string {
  const l = localTime(at, zone)
  return t('history.moment', {
    date: `${l.year}-${two(l.month)}-${two(l.day)}`,
    weekday: t(weekdayKey(at, zone)),
    time: `${two(l.hour)}:${two(l.minute)}${seconds ? `:${two(l.second)}` : ''}`,
  })
}
