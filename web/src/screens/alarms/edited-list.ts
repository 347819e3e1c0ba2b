import { nextTick, shallowRef, type ShallowRef } from 'vue'
import { useWords } from '../../i18n/index.ts'
import { refusal } from './desk-form.ts'

export interface EditedList {
  /** Of which the form is open. */
  editing: ShallowRef<number | 'new' | null>
  /** What is removed by the next press. */
  sure: ShallowRef<number | null>
  busy: ShallowRef<boolean>
  /** How the last attempt went, when there is something to say of it. */
  said: ShallowRef<string>
  /** Does it, says how it went, and reads the list again. */
  attempt: (work: () => Promise<unknown>, done?: string) => Promise<void>
  /** Closes the form; the focus goes back to where it was opened. */
  leave: () => Promise<void>
  /** The first press asks, the second removes. */
  remove: (id: number) => void
}

/** A list on a desk of which one entry at a time is added, changed or removed. */
export function useEditedList(
  adder: Readonly<ShallowRef<HTMLElement | null>>,
  readAgain: () => Promise<unknown>,
  removeOne: (id: number) => Promise<unknown>,
): EditedList {
  const { t } = useWords()
  const editing = shallowRef<number | 'new' | null>(null)
  const sure = shallowRef<number | null>(null)
  const busy = shallowRef(false)
  const said = shallowRef('')
  const leave = async (): Promise<void> => {
    editing.value = null
    await nextTick()
    adder.value?.focus()
  }
  const attempt = async (work: () => Promise<unknown>, done = ''): Promise<void> => {
    busy.value = true
    try {
      await work()
      said.value = done
      sure.value = null
      if (editing.value !== null) await leave()
    } catch (error) {
      said.value = refusal(error, t)
    } finally {
      busy.value = false
      await readAgain()
    }
  }
  const remove = (id: number): void => {
    if (sure.value === id) void attempt(() => removeOne(id))
    else sure.value = id
  }
  return { editing, sure, busy, said, attempt, leave, remove }
}
