import { describe, expect, it } from 'vitest'
import { bytes, fields, table } from './print.ts'

describe('table', () => {
  it('puts numbers to the right and text to the left', () => {
    expect(
      table(
        ['NAME', 'ROWS'],
        [
          ['a', 5],
          ['longer', 12_345],
        ],
      ),
    ).toBe('NAME     ROWS\na           5\nlonger  12345')
  })

  it('counts a Japanese letter as two places', () => {
    expect(
      table(
        ['A', 'B'],
        [
          ['基盤', 'x'],
          ['abcd', 'y'],
        ],
      ),
    ).toBe('A     B\n基盤  x\nabcd  y')
  })

  it('says when there is nothing', () => {
    expect(table(['NAME'], [])).toBe('(none)')
  })
})

it('fields leaves out what is empty', () => {
  expect(fields({ state: 'ready', reason: null, requests: 0 })).toBe('state     ready\nrequests  0')
})

it.each([
  [10, '10 B'],
  [2048, '2.0 KiB'],
  [5 << 20, '5.0 MiB'],
])('%i bytes are %s', (size, text) => {
  expect(bytes(size)).toBe(text)
})
