import { expect, test } from 'vitest'
import { formatFor } from './format.ts'

const en = formatFor('en', 'UTC')
const ja = formatFor('ja', 'UTC')

test('numbers have four significant digits, tiny ones an exponent, large ones groups', () => {
  expect(en.number(0.510_74)).toBe('0.5107')
  expect(en.number(0.000_000_45)).toBe('4.5e-7')
  expect(en.number(12_345.6)).toBe('12,350')
  expect(en.number(-0.0357)).toBe('−0.0357')
  expect(en.number(null)).toBe('–')
  expect(en.number(Infinity)).toBe('∞')
})

test('deltas carry their sign', () => {
  expect([en.delta(0.02), en.delta(-0.061), en.delta(0)]).toEqual(['+0.02', '−0.061', '0'])
})

test('bytes are binary, durations have two units at the most', () => {
  expect([en.bytes(512), en.bytes(480_000), en.bytes(5_138_022)]).toEqual(['512 B', '469 KiB', '4.9 MiB'])
  expect([
    en.duration(252_000),
    en.duration(107_000),
    en.duration(450),
    en.duration(5_100),
    en.duration(90_000_000),
  ]).toEqual(['4 m 12 s', '1 m 47 s', '450 ms', '5.1 s', '1 d 1 h'])
  expect(ja.duration(252_000)).toBe('4分 12秒')
})

test('time is relative below a day, else absolute', () => {
  const now = Date.UTC(2013, 7, 1, 9, 5)
  expect(en.ago(now - 180_000, now)).toBe('3 min ago')
  expect(ja.ago(now - 180_000, now)).toBe('3 分前')
  expect(en.ago(now - 3 * 86_400_000, now)).toBe('29 Jul 2013 09:05')
})

test('the sample clock says the weekday in both languages', () => {
  const at = Date.UTC(2013, 8, 1, 8, 40)
  expect(en.full(at)).toBe('Sun 1 Sept 2013, 08:40')
  expect(ja.full(at)).toBe('2013年9月1日(日) 08:40')
})
