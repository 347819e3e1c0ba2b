/**
 * The DOM of these tests has no canvas: a chart that comes up in one draws into nothing instead of failing. What it draws is judged
 * by its option, and in a real browser.
 */
const nothing: object = new Proxy(() => nothing, {
  get: (_target, key) => (key === 'measureText' ? (text: string) => ({ width: 10 * text.length }) : key === Symbol.toPrimitive ? () => 0 : nothing),
  set: () => true,
})

HTMLCanvasElement.prototype.getContext = (() => nothing) as unknown as typeof HTMLCanvasElement.prototype.getContext
