import { createHash, randomBytes, randomInt } from 'node:crypto'

/** 256 random bits, as text. */
export const newSecret = (): string => randomBytes(32).toString('base64url')
export const hashOf = (secret: string): Buffer => createHash('sha256').update(secret).digest()
export const newCode = (): string => String(randomInt(1_000_000)).padStart(6, '0')
