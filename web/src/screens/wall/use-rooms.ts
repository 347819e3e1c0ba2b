import type { Room } from '@yiping/contract/screen'
import { onScopeDispose, watch } from 'vue'
import { useFeed } from '../../feed/feed.ts'

/** Holds these rooms. One that stays wanted is never left in between: what it holds stays on the screen. */
export function useRooms(wanted: () => readonly Room[]): void {
  const { connection } = useFeed()
  const held = new Map<Room, () => void>()
  watch(
    () => wanted().join(' '),
    () => {
      const rooms = new Set(wanted())
      for (const room of rooms) if (!held.has(room)) held.set(room, connection.join(room))
      for (const [room, leave] of held) {
        if (rooms.has(room)) continue
        leave()
        held.delete(room)
      }
    },
    { immediate: true },
  )
  onScopeDispose(() => {
    for (const leave of held.values()) leave()
  })
}
