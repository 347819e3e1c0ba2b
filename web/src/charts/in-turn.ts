/**
 * Charts are made and drawn one a frame, each in a task of its own and none before the frame that asked for it is on the
 * screen: a scene shows its figures first, and ten charts that change at once keep no key and no touch waiting.
 */
const waiting: (() => void)[] = []
let asked = false
/** A page that nobody sees is given no frames, and has its charts all the same, ms. */
const withoutFrameMs = 250

function next(): void {
  if (asked || waiting.length === 0) return
  asked = true
  let begun = false
  const go = (): void => {
    if (begun) return
    begun = true
    clearTimeout(unseen)
    asked = false
    try {
      waiting.shift()?.()
    } finally {
      next()
    }
  }
  const unseen = setTimeout(go, withoutFrameMs)
  // A frame that is asked for comes before it is painted: what is to be done stands behind it.
  requestAnimationFrame(() => setTimeout(go))
}

/** Answers how to take it back. */
export function inTurn(work: () => void): () => void {
  waiting.push(work)
  next()
  return () => {
    const at = waiting.indexOf(work)
    if (at >= 0) waiting.splice(at, 1)
  }
}
