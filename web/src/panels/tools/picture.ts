/** What stands under a panel's picture. */
export interface Caption {
  title: string
  /** As-of time with its offset, source, address: each a line's part. */
  parts: readonly string[]
}

/** The panel that holds an element: the smallest part of a screen with a name of its own. */
export function panelOf(target: Element | null): HTMLElement | null {
  return target?.closest<HTMLElement>('[data-panel], main section, main article, .utilities > *, .lists > *, .kpis, .city') ?? null
}

export function titleOf(panel: Element): string {
  const named = panel.getAttribute('aria-label') ?? ''
  const heading = panel.querySelector('h2, h3')
  // A heading's small print is its legend, not its name.
  const own = heading
    ? [...heading.childNodes]
        .filter((n) => !(n instanceof HTMLElement && n.matches('small, i')))
        .map((n) => n.textContent ?? '')
        .join('')
    : ''
  return (own.trim() || named).replace(/\s+/g, ' ')
}

export const fileName = (title: string, iso: string): string =>
  `${title.replace(/[\\/:*?"<>|\s]+/g, '-')}-${iso.slice(0, 19).replace('T', '-').replaceAll(':', '')}.png`

const ratio = 2

/** A panel as it stands on the screen, at twice its size, with a line under it that says of when and whence it is. */
export async function takePicture(
  panel: HTMLElement,
  caption: Caption,
  look: { ground: string; ink: string; ink2: string; font: string; px: number },
): Promise<Blob> {
  const { domToCanvas } = await import('modern-screenshot')
  const picture = await domToCanvas(panel, { scale: ratio, backgroundColor: look.ground })
  const size = look.px * ratio
  const pad = size
  const canvas = document.createElement('canvas')
  canvas.width = Math.max(picture.width, 420 * ratio) + pad * 2
  const pen = canvas.getContext('2d')
  if (!pen) throw new Error('this browser draws nothing')
  pen.font = `${size}px ${look.font}`
  // As many lines as the parts need.
  const lines: string[] = []
  for (const part of caption.parts) {
    const last = lines.at(-1)
    const longer = last === undefined ? part : `${last}  ·  ${part}`
    if (last !== undefined && pen.measureText(longer).width <= canvas.width - pad * 2) lines[lines.length - 1] = longer
    else lines.push(part)
  }
  canvas.height = picture.height + pad * 3 + size * 1.6 * (lines.length + 1)
  pen.fillStyle = look.ground
  pen.fillRect(0, 0, canvas.width, canvas.height)
  pen.drawImage(picture, pad, pad)
  pen.textBaseline = 'top'
  pen.fillStyle = look.ink
  pen.font = `600 ${size}px ${look.font}`
  pen.fillText(caption.title, pad, picture.height + pad * 2)
  pen.fillStyle = look.ink2
  pen.font = `${size}px ${look.font}`
  for (const [i, line] of lines.entries()) pen.fillText(line, pad, picture.height + pad * 2 + size * 1.6 * (i + 1))
  return new Promise((resolve, reject) => canvas.toBlob((blob) => (blob ? resolve(blob) : reject(new Error('no picture came out'))), 'image/png'))
}

export function save(blob: Blob, name: string): void {
  const url = URL.createObjectURL(blob)
  const link = document.createElement('a')
  link.href = url
  link.download = name
  link.click()
  setTimeout(() => URL.revokeObjectURL(url), 60_000)
}

/** Gives the picture to the printer by a frame of its own: the screen stays as it is. */
export function print(blob: Blob, title: string): void {
  const url = URL.createObjectURL(blob)
  const frame = document.createElement('iframe')
  frame.style.cssText = 'position:fixed;width:0;height:0;border:0'
  frame.title = title
  document.body.append(frame)
  const page = frame.contentDocument
  if (!page) return
  page.title = title
  const image = page.createElement('img')
  image.style.cssText = 'max-width:100%;max-height:100vh'
  image.onload = () => {
    frame.contentWindow?.print()
    setTimeout(() => {
      frame.remove()
      URL.revokeObjectURL(url)
    }, 60_000)
  }
  image.src = url
  page.body.append(image)
}
