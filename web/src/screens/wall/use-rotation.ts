import { wallScenes, type WallScene } from '@yiping/contract/screen'
import { computed, onScopeDispose, shallowRef, watch, type ComputedRef, type Ref } from 'vue'
import type { Device } from '../../device/device.ts'
import { modeOf, nextAt, rotate, startRotation, upcoming, type Mode, type RotationEvent } from './rotation.ts'

/** Data of the next scene are asked for so long before it comes up, ms. */
const aheadMs = 5000
/** Of a moving pointer every so often is enough, ms. */
const handEveryMs = 1000

export interface UseRotation {
  mode: ComputedRef<Mode>
  /** What is up, or comes up in this moment: the address follows. */
  scene: ComputedRef<WallScene>
  /** What comes up next, shortly before it does. */
  next: ComputedRef<WallScene | null>
  tell(event: RotationEvent): void
}

/** The rotation of this screen, as its settings say; `show` brings a scene up. */
export function useRotation(
  scene: Readonly<Ref<WallScene>>,
  device: Device,
  alarmed: Readonly<Ref<boolean>>,
  away: Readonly<Ref<boolean>>,
  show: (scene: WallScene) => void,
): UseRotation {
  const now = (): number => performance.now()
  const state = shallowRef(startRotation(scene.value, now()))
  /** Moves when the clock is looked at; what hangs on time hangs on it. */
  const looked = shallowRef(now())
  let timer: ReturnType<typeof setTimeout> | undefined
  let handAt = -Infinity

  const arm = (): void => {
    clearTimeout(timer)
    const at = nextAt(state.value, now())
    if (at === null) return
    const left = at - now()
    // Once for the data of the next scene, once for the scene.
    timer = setTimeout(() => tell({ kind: 'look' }), Math.max(0, left > aheadMs ? left - aheadMs : left))
  }
  const tell = (event: RotationEvent): void => {
    const before = state.value
    state.value = rotate(before, event, now(), wallScenes)
    looked.value = now()
    if (state.value.scene !== before.scene && event.kind !== 'go') show(state.value.scene)
    arm()
  }

  watch(
    () => JSON.stringify([device.settings.value.rotate, device.settings.value.dwellS]),
    () => {
      const { rotate: on, dwellS } = device.settings.value
      tell({ kind: 'configure', on, turns: wallScenes.flatMap((s) => (dwellS[s] > 0 ? [{ scene: s, dwellMs: dwellS[s] * 1000 }] : [])) })
    },
    { immediate: true },
  )
  watch(alarmed, (on) => tell({ kind: 'alarm', on }), { immediate: true })
  watch(away, (is) => tell({ kind: 'travel', away: is }), { immediate: true })
  watch(device.pushed, (p) => p !== null && tell({ kind: 'push', scene: p.scene, forMs: p.forMs }), { immediate: true })
  // Somebody went there by a link.
  watch(scene, (s) => s !== state.value.scene && tell({ kind: 'go', scene: s }))

  const hand = (): void => {
    if (now() - handAt < handEveryMs) return
    handAt = now()
    tell({ kind: 'hand' })
  }
  const inputs = ['pointerdown', 'pointermove', 'wheel'] as const
  for (const input of inputs) addEventListener(input, hand, { passive: true })
  onScopeDispose(() => {
    clearTimeout(timer)
    for (const input of inputs) removeEventListener(input, hand)
  })

  return {
    scene: computed(() => state.value.scene),
    mode: computed(() => modeOf(state.value, looked.value)),
    next: computed(() => upcoming(state.value, looked.value, aheadMs + 50)),
    tell,
  }
}
