import type { Severity } from '@yiping/contract/screen'

/** Worst first. Each has its own shape besides its colour, so that nobody needs the colour. */
export const severityOrder = [1, 2, 3, 4] as const satisfies readonly Severity[]

/** Paths in a box of −7 … 7: diamond, triangle, square, circle. */
export const severityPath: Record<Severity, string> = {
  1: 'M0,-6.4L6.4,0L0,6.4L-6.4,0Z',
  2: 'M0,-6L6.2,5L-6.2,5Z',
  3: 'M-5,-5H5V5H-5Z',
  4: 'M0,-5.5A5.5,5.5 0 1 1 0,5.5A5.5,5.5 0 1 1 0,-5.5Z',
}
export const severitySymbol: Record<Severity, string> = { 1: 'diamond', 2: 'triangle', 3: 'rect', 4: 'circle' }
