import type { SeriesAnswer } from '@yiping/contract/screen'
import { computed, type ComputedRef, type Ref } from 'vue'
import { correlationOption, type Ink } from '../../../charts/study-option.ts'
import { age } from '../../../format/age.ts'
import { formatNumber } from '../../../format/number.ts'
import { useWords } from '../../../i18n/index.ts'
import { columnsOf, type Picked } from '../model.ts'
import { fitted, gridOf, laggedCorrelation, pairsAt } from './correlation.ts'

/** Dots beyond this many say nothing more and cost: every so-manieth is drawn, all are counted. */
const mostDots = 1500

export function useCorrelation(input: {
  one: ComputedRef<Picked | null>
  two: ComputedRef<Picked | null>
  answer: () => SeriesAnswer
  on: () => boolean
  ink: ComputedRef<Ink>
  width: Ref<number>
  nameOf: (p: Picked | null) => string
}) {
  const { t } = useWords()
  const bucketText = (ms: number): string => {
    const a = age(ms)
    return t(a.key, a.named)
  }
  const found = computed(() => {
    const [one, two, answer] = [input.one.value, input.two.value, input.answer()]
    if (!input.on() || !one || !two) return null
    // In the slower rhythm of the two: a bucket that one of them cannot fill would be a gap.
    const bucketMs = Math.max(answer.bucketSeconds, one.intervalS, two.intervalS, 60) * 1000
    const [a, b] = [gridOf(columnsOf(answer, one), bucketMs), gridOf(columnsOf(answer, two), bucketMs)]
    const { lags, best } = laggedCorrelation(a, b)
    return { bucketMs, lags, best, pairs: best ? pairsAt(a, b, best.lag) : [] }
  })
  const option = computed(() => {
    const f = found.value
    if (f === null || f.best === null) return null
    const every = Math.ceil(f.pairs.length / mostDots)
    return correlationOption(input.ink.value, {
      pairs: f.pairs.filter((_, i) => i % every === 0),
      fit: fitted(f.pairs),
      lags: f.lags,
      best: f.best.lag,
      xName: input.nameOf(input.one.value),
      yName: input.nameOf(input.two.value),
      lagName: t('history.lagAxis', { bucket: bucketText(f.bucketMs) }),
      width: input.width.value,
    })
  })
  const said = computed(() => {
    const f = found.value
    if (f === null || f.best === null) return ''
    const { lag, r, n } = f.best
    const how = lag === 0 ? t('history.together') : t(lag > 0 ? 'history.firstLeads' : 'history.secondLeads', { age: bucketText(Math.abs(lag) * f.bucketMs) })
    return t('history.correlationSaid', { r: formatNumber(r, 2), how, n: formatNumber(n, 0) })
  })
  return { option, said }
}
