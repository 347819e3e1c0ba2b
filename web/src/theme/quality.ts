import type { Quality } from '@yiping/contract/screen'

/** What is not good has a shape of its own besides its word. Strokes in a box of −7 … 7: hollow triangle on its head, cross. */
export const qualityPath: Record<Exclude<Quality, 'good'>, string> = {
  uncertain: 'M-5,-4H5L0,5Z',
  bad: 'M-4.5,-4.5L4.5,4.5M-4.5,4.5L4.5,-4.5',
}
