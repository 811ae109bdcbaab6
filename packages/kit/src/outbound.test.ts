import { expect, test } from 'vitest'
import { isPrivateAddress, outbound } from './outbound.ts'

test.each([
  '127.0.0.1',
  '10.1.2.3',
  '172.31.0.1',
  '192.168.1.1',
  '169.254.169.254',
  '100.64.0.1',
  '0.0.0.0',
  '224.0.0.1',
  '255.255.255.255',
  '::1',
  '::',
  'fe80::1',
  'fc00::1',
  '::ffff:127.0.0.1',
  '64:ff9b::7f00:1',
  '2002:7f00:1::',
  '2001::1',
  'not an address',
])('%s is private', (address) => expect(isPrivateAddress(address)).toBe(true))

test.each(['8.8.8.8', '1.1.1.1', '172.32.0.1', '2606:4700::1111'])('%s is public', (address) =>
  expect(isPrivateAddress(address)).toBe(false),
)

test.each([
  'http://127.0.0.1:1/',
  'http://localhost/',
  'http://[::1]/',
  'http://2130706433/',
  'http://0x7f.1/',
  'file:///etc/passwd',
  'gopher://x',
  'nonsense',
])('%s is refused before a byte is sent', async (url) => {
  await expect(outbound(url)).rejects.toMatchObject({ code: 'bad_request' })
})
