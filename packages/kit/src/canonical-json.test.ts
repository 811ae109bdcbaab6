import { expect, test } from 'vitest'
import { canonicalJson, sha256 } from './canonical-json.ts'

// The example of RFC 8785 §3.2.2 and its sorting rule (§3.2.3).
test('numbers, strings and literals are written as RFC 8785 says', () => {
  expect(
    canonicalJson({
      numbers: [333333333.3333333, 1e30, 4.5, 2e-3, 0.000000000000000000000000001],
      literals: [null, true, false],
    }),
  ).toBe('{"literals":[null,true,false],"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27]}')
})

test('keys are sorted by their UTF-16 code units', () => {
  expect(
    canonicalJson({ '\u20ac': 1, '\r': 2, '\ufb33': 3, '1': 4, '\ud83d\ude00': 5, '\u0080': 6, '\u00f6': 7 }),
  ).toBe('{"\\r":2,"1":4,"\u0080":6,"ö":7,"€":1,"😀":5,"\ufb33":3}')
})

test('what JSON does not have is refused', () => {
  for (const value of [NaN, Infinity, () => 1, Symbol('x')]) expect(() => canonicalJson(value)).toThrow(TypeError)
})

test('sha256 is that of FIPS 180', () =>
  expect(sha256('abc')).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad'))
