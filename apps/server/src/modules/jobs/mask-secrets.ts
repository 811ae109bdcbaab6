import type { Mask } from '@kiban/kit/log-file'

const TOKEN = 'kbn[psjeo]_[0-9A-Za-z]{38}'
const SHORTEST = 4

/**
 * Masks our own tokens and `values` in the forms in which they usually leak (access.md §6): as they are, line by line, base64 at its
 * three alignments, base64url, hexadecimal, URL-encoded and inside JSON.
 */
export function maskOf(values: readonly string[]): Mask {
  const forms = [...new Set(values.flatMap(formsOf))]
    .filter((form) => form.length >= SHORTEST)
    .sort((a, b) => b.length - a.length)
  const pattern = new RegExp([TOKEN, ...forms.map(escape)].join('|'), 'g')
  const quick = forms.length === 0 ? Buffer.from('kbn') : undefined
  return (bytes) => {
    if (quick && !bytes.includes(quick)) return bytes
    // Latin-1 keeps a character a byte, so that bytes which are no text pass unchanged.
    const text = bytes.toString('latin1')
    const masked = text.replace(pattern, (match) => '*'.repeat(match.length))
    return masked === text ? bytes : Buffer.from(masked, 'latin1')
  }
}

function formsOf(value: string): string[] {
  const bytes = Buffer.from(value, 'utf8')
  const lines = value.split(/\r?\n/).filter((line) => line.trim().length >= SHORTEST)
  const encoded = [0, 1, 2].map((shift) => base64At(bytes, shift))
  const plain = [value, ...lines, encodeURIComponent(value), JSON.stringify(value).slice(1, -1)]
  return [
    ...plain.map((text) => Buffer.from(text, 'utf8').toString('latin1')),
    ...encoded,
    ...encoded.map((text) => text.replaceAll('+', '-').replaceAll('/', '_')),
    bytes.toString('hex'),
    bytes.toString('hex').toUpperCase(),
  ]
}

/** The characters of base64 that depend on `bytes` alone when `shift` unknown bytes stand before them. */
function base64At(bytes: Buffer, shift: number): string {
  const text = Buffer.concat([Buffer.alloc(shift), bytes])
    .toString('base64')
    .replace(/=+$/, '')
  const first = Math.ceil((shift * 8) / 6)
  const last = Math.floor(((shift + bytes.length) * 8) / 6)
  return text.slice(first, last)
}

function escape(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/-]/g, String.raw`\$&`)
}
