import { createCipheriv, createDecipheriv, hkdfSync, randomBytes } from 'node:crypto'

const [ivBytes, tagBytes] = [12, 16]

/**
 * What a browser carries for us and neither reads nor changes: AES-256-GCM under a key that every server process derives
 * from the same secret, so that whichever of them is asked next can open it. `purpose` keeps one kind from passing as another.
 */
export class Seal {
  readonly #key: Buffer

  constructor(secret: string, context: string) {
    this.#key = Buffer.from(hkdfSync('sha256', secret, 'yiping', context, 32))
  }

  close(purpose: string, value: unknown): string {
    const iv = randomBytes(ivBytes)
    const cipher = createCipheriv('aes-256-gcm', this.#key, iv, { authTagLength: tagBytes }).setAAD(Buffer.from(purpose))
    const body = Buffer.concat([cipher.update(JSON.stringify(value), 'utf8'), cipher.final()])
    return Buffer.concat([iv, cipher.getAuthTag(), body]).toString('base64url')
  }

  /** Null: not closed by us, or for something else. */
  open(purpose: string, text: string): unknown {
    const bytes = Buffer.from(text, 'base64url')
    if (bytes.length <= ivBytes + tagBytes) return null
    try {
      const decipher = createDecipheriv('aes-256-gcm', this.#key, bytes.subarray(0, ivBytes), { authTagLength: tagBytes })
      decipher.setAAD(Buffer.from(purpose)).setAuthTag(bytes.subarray(ivBytes, ivBytes + tagBytes))
      const opened: unknown = JSON.parse(Buffer.concat([decipher.update(bytes.subarray(ivBytes + tagBytes)), decipher.final()]).toString('utf8'))
      return opened
    } catch {
      return null
    }
  }
}
