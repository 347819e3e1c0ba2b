import { computed, type ComputedRef } from 'vue'
import { useRoute } from 'vue-router'
import { overrideKeys } from '../device/settings.ts'

/** What stands above the screen's settings, and the moment, go along from scene to scene; a scene's own filters do not. */
export function useKept(): ComputedRef<Record<string, string>> {
  const route = useRoute()
  return computed(() => {
    const kept: Record<string, string> = {}
    for (const key of [...overrideKeys, 'at', 'speed']) {
      const value = route.query[key]
      if (typeof value === 'string') kept[key] = value
    }
    return kept
  })
}
