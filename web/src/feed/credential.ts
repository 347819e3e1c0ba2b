/**
 * The credential of a paired screen: shown with every connection and request, and good for looking only. It lies in the
 * browser of the screen and nowhere else; the server keeps its hash.
 */
const key = 'screen-credential'

export const readCredential = (): string | null => localStorage.getItem(key)
export const keepCredential = (token: string): void => localStorage.setItem(key, token)
export const dropCredential = (): void => localStorage.removeItem(key)
