import { expect, test } from 'vitest'
import {
  checkExperimentName,
  checkKey,
  checkLength,
  checkRunId,
  experimentNumber,
  storedMetricValue,
  truncate,
} from './limits.ts'

test('a key is its own normal path of allowed characters', () => {
  for (const key of ['loss', 'val/loss', 'a b', 'mlflow.user', 'x:y', 'é', '日本', 'a-b_c.d', '...a/b'.slice(3)])
    expect(checkKey('metric', key, 'key')).toBe(key)
  for (const key of ['', '../a', '/a', 'a//b', '.', '..', 'a/./b', 'a/', 'a\n', 'a*b', 'a'.repeat(251)])
    expect(() => checkKey('metric', key, 'metrics[0].key'), key).toThrow(/metrics\[0\]\.key/)
})

test('lengths are refused with limit and field, long values are cut whole characters', () => {
  expect(() => checkLength("'Metric name'", 'a'.repeat(251), 250, 'key')).toThrow(
    "'Metric name' exceeds the maximum length of 250 characters",
  )
  expect(truncate('ab😀', 3)).toBe('ab')
  expect(truncate('abcd', 3)).toBe('abc')
})

test('ids and names', () => {
  expect(checkRunId('a_b-1')).toBe('a_b-1')
  for (const id of ['', '-a', 'a/b', '../x', 'a'.repeat(257)]) expect(() => checkRunId(id)).toThrow('Invalid run ID')
  expect(experimentNumber('12')).toBe(12)
  for (const id of ['abc', '', '-1', '1.5', '9'.repeat(40)])
    expect(() => experimentNumber(id)).toThrow('Experiment ID must be a valid integer')
  expect(() => checkExperimentName('a'.repeat(501))).toThrow('500')
  expect(() => checkExperimentName(' ')).toThrow('not empty')
})

test('infinities become the largest doubles and NaN is kept apart', () => {
  expect(storedMetricValue(Infinity)).toEqual({ value: 1.7976931348623157e308, isNan: 0 })
  expect(storedMetricValue(-Infinity)).toEqual({ value: -1.7976931348623157e308, isNan: 0 })
  expect(storedMetricValue(Number.NaN)).toEqual({ value: 0, isNan: 1 })
})
