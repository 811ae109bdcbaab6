import { expect, test } from 'vitest'
import { maskOf } from './mask-secrets.ts'

const SECRET = 'pä$$w0rd/+?!'
const mask = (text: string) => maskOf([SECRET])(Buffer.from(text)).toString()
const base64 = (text: string) => Buffer.from(text).toString('base64')

test.each([
  ['itself', SECRET],
  ['URL-encoded', encodeURIComponent(SECRET)],
  ['hexadecimal', Buffer.from(SECRET).toString('hex')],
  ['JSON', JSON.stringify(SECRET)],
  ['base64 at the start', base64(`${SECRET} and more`)],
  ['base64 one byte in', base64(`x${SECRET} and more`)],
  ['base64 two bytes in', base64(`xy${SECRET} and more`)],
  ['base64url', Buffer.from(`x${SECRET}`).toString('base64url')],
])('a secret is masked as %s', (_form, text) => {
  const masked = mask(`before ${text} after`)
  expect(masked).toContain('******')
  expect(masked).not.toContain(text)
  expect(masked).toMatch(/^before .* after$/)
})

test('the length stays, so that offsets into a log stay true', () => {
  const text = `é ${SECRET} ${encodeURIComponent(SECRET)}`
  expect(maskOf([SECRET])(Buffer.from(text))).toHaveLength(Buffer.byteLength(text))
})

test('each line of a secret of several lines is masked', () => {
  const masked = maskOf(['-----BEGIN\nabcdefgh\n-----END'])(Buffer.from('  abcdefgh\n')).toString()
  expect(masked).toBe('  ********\n')
})

test('our own tokens are masked without being named, other bytes stay', () => {
  const text = Buffer.concat([Buffer.from([0xff, 0x00]), Buffer.from(`token kbnj_${'a'.repeat(38)}.`)])
  expect(maskOf([])(text).toString('latin1')).toBe(`\u00ff\u0000token ${'*'.repeat(43)}.`)
})
