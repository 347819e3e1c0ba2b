import { trends, type AlarmCell, type DomainCode, type StationRow } from '@yiping/contract/screen'
import { computed, type ComputedRef, type Ref } from 'vue'
import { useCell, useCells, useFeed } from '../../feed/feed.ts'
import { useRegistry } from '../../feed/registry.ts'
import { entryOf, worstFirst, type Entry } from '../topic/stations.ts'
import { alarmsOf, inTrouble, type DomainAlarms } from './utility.ts'

export interface Utility {
  /** Stations to look at, worst first. */
  trouble: ComputedRef<Entry[]>
  /** Null until they are known. */
  alarms: ComputedRef<DomainAlarms | null>
  ready: ComputedRef<boolean>
}

const any: DomainCode = trends[0].domain

/** What a wall says of one utility, out of its own room and the alarms'. Nothing is worked out while `domain` is null. */
export function useUtility(domain: Readonly<Ref<DomainCode | null>>): Utility {
  const { cells } = useFeed()
  const registry = useRegistry()
  const rows = useCells<StationRow>(() => `domain:${domain.value ?? any}`, 'row:')
  const alarmCells = useCells<AlarmCell>('alarms', 'alarm:')
  const summary = useCell('alarm-summary', 'summary')
  const stations = computed(() => (domain.value === null ? [] : registry.value.stations.filter((s) => s.domain === domain.value)))
  const ready = computed(() => domain.value !== null && cells.ready(`domain:${domain.value}`).value)
  return {
    ready,
    trouble: computed(() => {
      if (!ready.value) return []
      const byCode = new Map(rows.value)
      return inTrouble(worstFirst(stations.value.map((s) => entryOf(s, byCode.get(s.code)))))
    }),
    alarms: computed(() => {
      if (domain.value === null || !summary.value) return null
      const known = cells.ready('alarms').value ? alarmCells.value.map(([, cell]) => cell) : summary.value.worst
      const alarms = alarmsOf(known, domain.value, summary.value.flood)
      return summary.value.known === false ? { ...alarms, known: false } : alarms
    }),
  }
}
