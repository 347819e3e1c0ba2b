import { onScopeDispose, shallowRef, type ShallowRef } from 'vue'

/** A pointer that rests is forgotten after this, ms. */
const pointedMs = 4000

/**
 * Single keys of the wall, while `listens` says so and nobody writes somewhere; keys that a control needs stay its own.
 * `pointed`: a pointer has just moved.
 */
export function useKeys(keys: Readonly<Record<string, () => void>>, listens: () => boolean): { pointed: Readonly<ShallowRef<boolean>> } {
  const pointed = shallowRef(false)
  let timer: ReturnType<typeof setTimeout> | undefined
  const onKey = (event: KeyboardEvent): void => {
    const act = keys[event.key]
    if (!act || !listens() || event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey) return
    const target = event.target instanceof Element ? event.target : null
    if (target?.closest('input, select, textarea, dialog') || (event.key === ' ' && target?.closest('button, a'))) return
    event.preventDefault()
    act()
  }
  const onPointer = (): void => {
    clearTimeout(timer)
    pointed.value = true
    timer = setTimeout(() => (pointed.value = false), pointedMs)
  }
  addEventListener('keydown', onKey)
  addEventListener('pointermove', onPointer, { passive: true })
  onScopeDispose(() => {
    clearTimeout(timer)
    removeEventListener('keydown', onKey)
    removeEventListener('pointermove', onPointer)
  })
  return { pointed }
}
