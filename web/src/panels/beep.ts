import { computed, onScopeDispose, shallowRef, watch, type Ref, type ShallowRef } from 'vue'
import { useFeed } from '../feed/feed.ts'

const everyMs = 8000
/** Two short tones, quiet at both ends so that nothing clicks. */
const tones = [
  { hertz: 660, at: 0 },
  { hertz: 880, at: 0.22 },
]
const toneS = 0.18

/**
 * The sound of an alarm that nobody has acknowledged. A browser lets a page be heard only after somebody touched it, so it
 * is off until the switch is used.
 *
 * | state  | leaves by                      | to     |
 * |--------|--------------------------------|--------|
 * | off    | the switch                     | on     |
 * | asleep | the switch, or a touch         | on     |
 * | on     | the switch                     | off    |
 *
 * asleep: wanted, and the page was loaded again since.
 */
export function useBeep(alarmed: Ref<boolean>, wanted: Ref<boolean>): { state: Readonly<ShallowRef<'off' | 'asleep' | 'on'>>; toggle: () => void } {
  const { connection } = useFeed()
  // A replay calls nobody.
  const active = computed(() => alarmed.value && connection.journey.value === null)
  const state = shallowRef<'off' | 'asleep' | 'on'>(wanted.value ? 'asleep' : 'off')
  let audio: AudioContext | null = null
  let timer: ReturnType<typeof setInterval> | undefined

  const beep = (): void => {
    if (audio?.state !== 'running') return
    for (const { hertz, at } of tones) {
      const start = audio.currentTime + at
      const gain = audio.createGain()
      gain.gain.setValueAtTime(0.0001, start)
      gain.gain.exponentialRampToValueAtTime(0.2, start + 0.02)
      gain.gain.exponentialRampToValueAtTime(0.0001, start + toneS)
      const tone = audio.createOscillator()
      tone.frequency.value = hertz
      tone.connect(gain).connect(audio.destination)
      tone.start(start)
      tone.stop(start + toneS)
    }
  }
  const wake = async (): Promise<void> => {
    if (!wanted.value || typeof AudioContext === 'undefined') return
    audio ??= new AudioContext()
    await audio.resume()
    if (audio.state === 'running') state.value = 'on'
  }
  const toggle = (): void => {
    wanted.value = state.value !== 'on'
    if (wanted.value) void wake()
    else {
      state.value = 'off'
      void audio?.suspend()
    }
  }
  // Switched elsewhere: in the screen's settings, or from the list of screens.
  watch(wanted, (on) => {
    if (on === (state.value !== 'off')) return
    state.value = on ? 'asleep' : 'off'
    void (on ? wake() : audio?.suspend())
  })
  const touched = (): void => void (state.value === 'asleep' && wake())
  for (const input of ['pointerdown', 'keydown'] as const) addEventListener(input, touched, { passive: true })
  watch(
    [active, state],
    ([on, sound]) => {
      clearInterval(timer)
      if (!on || sound !== 'on') return
      beep()
      timer = setInterval(beep, everyMs)
    },
    { immediate: true },
  )
  onScopeDispose(() => {
    clearInterval(timer)
    for (const input of ['pointerdown', 'keydown'] as const) removeEventListener(input, touched)
    void audio?.close()
  })
  return { state, toggle }
}
