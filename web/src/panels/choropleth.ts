import { kpiByCode, type Coverage, type Kpi, type KpiCell, type Room, type Severity, type StationState } from '@yiping/contract/screen'
import { computed, shallowRef, watch, type ComputedRef } from 'vue'
import { classesOf, type Classes } from '../charts/choropleth.ts'
import { useFeed } from '../feed/feed.ts'
import { useRegistry } from '../feed/registry.ts'
import { compact, formatNumber, percent, type Language } from '../format/number.ts'
import { dash, kpiFreshness } from '../format/value.ts'
import { useWords, type Translate } from '../i18n/index.ts'

/** What the districts are coloured by, with all that a reader needs to believe it. */
export interface Choropleth {
  /** `online`, `exceeding` or the code of a KPI. */
  key: string
  title: string
  unit: string
  formula: string
  coverage: Coverage
  /** Newest reading of all that count; null without, or where states and not readings are counted. */
  asOf: number | null
  areas: ReadonlyMap<string, { value: number; text: string }>
  classes: Classes | null
  /** Districts whose points say nothing now, and those that have no such point. */
  missing: number
  without: number
  limitText: (value: number) => string
}

interface Area {
  value: number | null
  text: string
  coverage: Coverage
  asOf: number | null
}

/** What needs no KPI: counted from the stations that the scene already has. */
export const plainPaints = ['online', 'exceeding'] as const

/** A station as far as a district counts it. */
export interface Counted {
  district: string
  state: StationState
  severity: Severity | null
}

function countArea(key: (typeof plainPaints)[number], stations: readonly Counted[]): Area {
  const online = stations.filter((s) => s.state === 'online').length
  if (key === 'online') {
    return {
      value: (100 * online) / stations.length,
      text: percent(online, stations.length) ?? dash,
      coverage: { fresh: online, expected: stations.length },
      asOf: null,
    }
  }
  const beyond = stations.filter((s) => s.severity !== null).length
  const seen = stations.filter((s) => s.state === 'online' || s.state === 'late').length
  // Where nothing speaks nobody knows of a limit: no value is no nought.
  return { value: seen === 0 ? null : beyond, text: formatNumber(beyond, 0), coverage: { fresh: seen, expected: stations.length }, asOf: null }
}

function kpiArea(kpi: Kpi, cell: KpiCell, now: number | null, language: Language): Area {
  const figure = cell.value === null ? null : compact(cell.value, kpi.unit === '%' && cell.value === 100 ? 0 : kpi.decimals, language)
  return { ...cell, value: kpiFreshness(kpi, cell, now) === 'stale' ? null : cell.value, text: figure ? figure.text + figure.scale : dash }
}

export function choroplethOf(
  key: string,
  adcodes: readonly string[],
  from: { stations: readonly Counted[]; kpi: ReadonlyMap<string, KpiCell> },
  now: number | null,
  language: Language,
  t: Translate,
): Choropleth | null {
  const kpi = kpiByCode.get(key)
  const plain = plainPaints.find((p) => p === key)
  if (!kpi && !plain) return null
  const areas = new Map<string, { value: number; text: string }>()
  const coverage: Coverage = { fresh: 0, expected: 0 }
  let asOf: number | null = null
  let without = 0
  for (const adcode of adcodes) {
    const cell = from.kpi.get(adcode)
    const own = plain ? from.stations.filter((s) => s.district === adcode) : []
    const area = plain && own.length > 0 ? countArea(plain, own) : kpi && cell ? kpiArea(kpi, cell, now, language) : null
    if (!area) {
      without += 1
      continue
    }
    coverage.fresh += area.coverage.fresh
    coverage.expected += area.coverage.expected
    if (area.asOf !== null) asOf = Math.max(asOf ?? 0, area.asOf)
    if (area.value !== null) areas.set(adcode, { value: area.value, text: area.text })
  }
  const decimals = kpi?.decimals ?? (plain === 'online' ? 1 : 0)
  const values = [...areas.values()].map((a) => a.value)
  const classes = classesOf(values, decimals === 0 && values.every(Number.isInteger))
  const word = (text: { zh: string; en: string }): string => (language === 'en' ? text.en : text.zh)
  return {
    key,
    title: kpi ? word(kpi.name) : t(`paint.${key}`),
    unit: kpi ? word(kpi.unitLabel) : t(`paint.unit.${key}`),
    formula: kpi ? word(kpi.formula) : t(`paint.formula.${key}`),
    ...{ coverage, asOf, areas, classes, missing: adcodes.length - areas.size - without, without },
    limitText: (value) => {
      const { text, scale } = compact(value, classes?.decimals ?? decimals, language)
      return text + scale
    },
  }
}

/** The choropleth that `key` names, kept up to date while the component lives; null: the ground says nothing. */
export function useChoropleth(key: () => string | null, stations: () => readonly Counted[]): ComputedRef<Choropleth | null> {
  const { cells, connection, now } = useFeed()
  const registry = useRegistry()
  const { t, language } = useWords()
  const room = computed<Room | null>(() => {
    const code = key()
    return code !== null && kpiByCode.has(code) ? `choropleth:${code}` : null
  })
  watch(room, (r, _before, onCleanup) => void (r && onCleanup(connection.join(r))), { immediate: true })
  // Ages matter by the minute here: the second's tick would draw twelve districts for nothing.
  const minute = shallowRef<number | null>(null)
  watch(now, (at) => (minute.value = at === null ? null : Math.floor(at / 15_000) * 15_000), { immediate: true })
  return computed(() => {
    const code = key()
    if (code === null) return null
    const kpi = new Map<string, KpiCell>()
    if (room.value !== null) {
      void cells.revision(room.value, 'district:').value
      for (const [name, cell] of cells.entries(room.value, 'district:')) kpi.set(name.slice('district:'.length), cell as KpiCell)
    }
    const adcodes = registry.value.districts.features.map((f) => f.properties.adcode)
    return choroplethOf(code, adcodes, { stations: kpiByCode.has(code) ? [] : stations(), kpi }, minute.value, language(), t)
  })
}
