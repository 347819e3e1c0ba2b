/** happy-dom lays nothing out: with this in place of ResizeObserver every box is as high as a wall's list. */
export class LaidOut {
  private readonly tell: ResizeObserverCallback
  constructor(tell: ResizeObserverCallback) {
    this.tell = tell
  }
  observe(target: Element): void {
    const size = [{ inlineSize: 800, blockSize: 180 }]
    queueMicrotask(() =>
      this.tell([{ target, contentRect: new DOMRect(0, 0, 800, 180), contentBoxSize: size, borderBoxSize: size, devicePixelContentBoxSize: size }], this),
    )
  }
  unobserve(): void {}
  disconnect(): void {}
}
