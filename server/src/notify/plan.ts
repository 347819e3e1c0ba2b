/** So many messages a route may make within the window; what comes above that waits and goes out together. */
export interface Digest {
  windowMs: number
  messages: number
}

/**
 * Which of the waiting events go out now, and in what messages. One alarm is one message at once; when they come thick and
 * fast, the first few do, and everything after that waits for the end of the window and is one digest. So a storm of
 * thousands is a few messages a minute, and none of it is left out.
 *
 * `made`: when the last messages of the route were made, newest first; all times epoch ms.
 */
export function planMessages(events: readonly number[], made: readonly number[], now: number, digest: Digest): number[][] {
  if (events.length === 0) return []
  const recent = made.filter((at) => at > now - digest.windowMs && at <= now)
  const room = digest.messages - recent.length
  if (events.length <= room) return events.map((e) => [e])
  if (recent.length === 0) return [...events.slice(0, room - 1).map((e) => [e]), events.slice(room - 1)]
  const newest = recent[0] ?? now
  return now - newest >= digest.windowMs / 2 && room > 0 ? [[...events]] : []
}
