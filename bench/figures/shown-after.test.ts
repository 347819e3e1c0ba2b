import { describe, expect, it } from 'vitest'
import { shownAfter } from './shown-after.ts'

describe('how long a value takes to the screen', () => {
  it('is the time to the frame that shows it', () => {
    const { waits } = shownAfter(
      [
        { text: '60.0', at: 1000 },
        { text: '60.1', at: 2000 },
      ],
      [
        { text: '5.0', at: 500 },
        { text: '60.0', at: 1300 },
        { text: '60.1', at: 2050 },
      ],
    )
    expect(waits).toEqual([300, 50])
  })

  it('counts a value that was overtaken up to the frame of the next, and one that never came as unseen', () => {
    const published = [
      { text: '60.0', at: 1000 },
      { text: '60.1', at: 1700 },
      { text: '60.2', at: 2500 },
    ]
    expect(shownAfter(published, [{ text: '60.1', at: 2000 }])).toEqual({ waits: [1000, 300], superseded: 1, unseen: 1 })
  })
})
