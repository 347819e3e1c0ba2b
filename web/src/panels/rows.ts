import { useElementSize } from '@vueuse/core'
import { computed, type ComputedRef, type Ref } from 'vue'

/** How many whole rows of `rowPx` fit into the element: a wall never shows half a row. */
export function useRows(element: Ref<HTMLElement | null>, rowPx: () => number): ComputedRef<number> {
  const { height } = useElementSize(element)
  return computed(() => Math.max(0, Math.floor((height.value + 1) / rowPx())))
}
