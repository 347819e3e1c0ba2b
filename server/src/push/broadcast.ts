import type { Delta, Snapshot } from '@yiping/contract'
import type { CityServer, CitySocket } from './sockets.ts'

/** `EVENT` of Socket.IO's protocol. */
const eventPacket = 2

/**
 * One frame to many clients: made into text once, and the same bytes are written to each. `taken` is told of each client
 * that has it, as soon as it says so. No closure, no timer and no copy of the frame is kept for a client.
 */
export function broadcast(
  io: CityServer,
  kind: 'snapshot' | 'delta',
  frame: Snapshot | Delta,
  to: Iterable<CitySocket>,
  taken: (socket: CitySocket) => void,
): void {
  // Everybody is alone in the room of their own id. Without a room it would go to all.
  const rooms = new Set<string>()
  for (const socket of to) rooms.add(socket.id)
  if (rooms.size === 0) return
  const answered = function (this: CitySocket): void {
    taken(this)
  }
  io.of('/').adapter.broadcastWithAck({ type: eventPacket, data: [kind, frame] }, { rooms }, () => {}, answered)
}
