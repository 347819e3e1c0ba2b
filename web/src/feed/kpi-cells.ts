import type { DomainCode, Kpi, KpiCell } from '@yiping/contract/screen'
import { toValue, watch, type MaybeRefOrGetter } from 'vue'
import type { Cells } from './cells.ts'
import { useFeed } from './feed.ts'

/** Holds a room of its own for each KPI while the component lives: a figure that moves then does not wait for its page's next second. */
export function useKpiRooms(kpis: MaybeRefOrGetter<readonly Kpi[]>): void {
  const { connection } = useFeed()
  watch(
    () => toValue(kpis),
    (list, _before, onCleanup) => {
      const leave = list.map((kpi) => connection.join(`kpi:${kpi.code}`))
      onCleanup(() => {
        for (const go of leave) go()
      })
    },
    { immediate: true },
  )
}

/** The KPI as its own room or the page's room knows it, whichever is further; its own where both are as far. */
export function kpiCell(cells: Cells, page: 'overview' | `domain:${DomainCode}`, code: string): KpiCell | undefined {
  const own = cells.cell(`kpi:${code}`, 'kpi').value as KpiCell | undefined
  const shared = cells.cell(page, `kpi:${code}`).value as KpiCell | undefined
  return own === undefined || (shared?.asOf ?? 0) > (own.asOf ?? 0) ? (shared ?? own) : own
}
