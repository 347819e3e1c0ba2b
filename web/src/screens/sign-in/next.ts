/** Where somebody goes on to once they are in: a place in this product, and nothing else that an address can say. */
export function placeOf(asked: unknown): string {
  if (typeof asked !== 'string' || !asked.startsWith('/') || /^\/[/\\]/.test(asked) || asked.length > 2000) return '/'
  return asked.startsWith('/sign-in') ? '/' : asked
}
