import type { Paint } from './map-option.ts'

/** Strokes across the ground for what has no value; null where nothing can be drawn. */
export function hatchOf(ground: string, stroke: string): Paint | null {
  const canvas = document.createElement('canvas')
  const size = 10
  canvas.width = size
  canvas.height = size
  const to = canvas.getContext('2d')
  if (!to) return null
  to.fillStyle = ground
  to.fillRect(0, 0, size, size)
  to.strokeStyle = stroke
  to.lineWidth = 1
  to.beginPath()
  for (const from of [-size, 0, size]) {
    to.moveTo(from, size)
    to.lineTo(from + size, 0)
  }
  to.stroke()
  return { image: canvas, repeat: 'repeat' }
}
