import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'

const NONCE_BYTES = 12
const TAG_BYTES = 16

/** A value under a data key of its own, which is wrapped by the master key. Both AES-256-GCM; `context` (id and version) is authenticated. */
export type Envelope = { readonly wrappedKey: string; readonly ciphertext: string }

export function seal(masterKey: Buffer, context: string, value: string): Envelope {
  const dataKey = randomBytes(32)
  return {
    wrappedKey: encrypt(masterKey, context, dataKey),
    ciphertext: encrypt(dataKey, context, Buffer.from(value, 'utf8')),
  }
}

/** Throws when the key is another one or any bit was changed. */
export function unseal(masterKey: Buffer, context: string, envelope: Envelope): string {
  const dataKey = decrypt(masterKey, context, envelope.wrappedKey)
  return decrypt(dataKey, context, envelope.ciphertext).toString('utf8')
}

function encrypt(key: Buffer, context: string, plain: Buffer): string {
  const nonce = randomBytes(NONCE_BYTES)
  const cipher = createCipheriv('aes-256-gcm', key, nonce).setAAD(Buffer.from(context))
  const body = Buffer.concat([cipher.update(plain), cipher.final()])
  return Buffer.concat([nonce, cipher.getAuthTag(), body]).toString('base64')
}

function decrypt(key: Buffer, context: string, text: string): Buffer {
  const bytes = Buffer.from(text, 'base64')
  const decipher = createDecipheriv('aes-256-gcm', key, bytes.subarray(0, NONCE_BYTES)).setAAD(Buffer.from(context))
  decipher.setAuthTag(bytes.subarray(NONCE_BYTES, NONCE_BYTES + TAG_BYTES))
  return Buffer.concat([decipher.update(bytes.subarray(NONCE_BYTES + TAG_BYTES)), decipher.final()])
}
